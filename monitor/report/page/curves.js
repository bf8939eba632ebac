"use strict";

// The probability of each emotion over time, a plot for each speaker. Where the timeline shows so much that turns would
// crowd, a running mean takes their place, and the plot says so.

const FAINT = 0.15;

let charts = [];
let drawnSmoothing = 0;

const CROWDED_S = 1200;     // from here on, the running mean
const WINDOW = 1 / 50;      // its length, as a part of what the timeline shows

/** The length of the running mean in seconds, or 0 where turns are drawn one by one. */
function smoothing() {
  const span = state.view.to - state.view.from;
  return span > CROWDED_S ? span * WINDOW : 0;
}

function scored(lane) {
  return call.turns.filter((turn) => turn.lane === lane && turn.p);
}

/** At each turn's middle, the mean over the turns around it, each for as long as it lies in the window. */
function smoothed(lane, seconds) {
  const turns = scored(lane);
  const middles = [...new Set(turns.map((turn) => (turn.start + turn.end) / 2))].sort((a, b) => a - b);
  const columns = [middles, ...call.labels.map(() => [])];
  for (const middle of middles) {
    const sums = call.labels.map(() => 0);
    let weight = 0;
    for (const turn of turns) {
      const inside = Math.min(turn.end, middle + seconds / 2) - Math.max(turn.start, middle - seconds / 2);
      if (inside < 0) continue;
      weight += inside;
      turn.p.forEach((probability, place) => { sums[place] += probability * inside; });
    }
    sums.forEach((sum, place) => columns[place + 1].push(weight ? sum / weight : null));
  }
  return columns;
}

function dataFor(plot) {
  const seconds = smoothing(), lane = Number(plot.dataset.curve);
  plot.closest(".track").querySelector(".smoothed").textContent = seconds ? `mean of ${clock(seconds)} min` : "";
  return seconds ? smoothed(lane, seconds) : stepped(scored(lane), call.labels);
}

function chart(plot) {
  return emotionChart(plot, call.labels, dataFor(plot), () => [state.view.from, state.view.to], ticks);
}

function buildCharts() {
  charts.forEach((each) => each.destroy());
  drawnSmoothing = smoothing();
  charts = [...document.querySelectorAll("[data-curve]")].map(chart);
  fadeCurves();
}

function moveCharts() {
  const seconds = smoothing();
  for (const each of charts) {
    if (seconds !== drawnSmoothing) each.setData(dataFor(each.root.parentElement), false);
    each.setScale("x", { min: state.view.from, max: state.view.to });
  }
  drawnSmoothing = seconds;
}

/** Where the filters ask for some emotions, the curves of the others stand back. */
function fadeCurves() {
  for (const each of charts) {
    call.labels.forEach((label, place) => {
      each.series[place + 1].alpha = !state.emotions.size || state.emotions.has(label) ? 1 : FAINT;
    });
    each.redraw(false);
  }
}

function connectCurves() {
  buildCharts();
  whenever("view", moveCharts);
  whenever("filter", fadeCurves);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", buildCharts);
  matchMedia("print").addEventListener("change", buildCharts);
  new ResizeObserver(() => {
    charts.forEach((each) => {
      const plot = each.root.parentElement;
      if (plot.clientWidth !== each.width) each.setSize({ width: plot.clientWidth, height: plot.clientHeight });
    });
    announce("view");
  }).observe(byId("tracks"));
}
