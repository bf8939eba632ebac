"use strict";

// The probability of each emotion over time, a plot for each speaker, drawn by uPlot. A turn's probability holds for the
// whole turn; between two turns the line only leads the eye. Where the timeline shows so much that turns would crowd, a
// running mean takes their place, and the plot says so.

const DASHES = { angry: [], happy: [7, 3], neutral: [2, 3], sad: [8, 3, 2, 3] };
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

/** Times and one row of probabilities for each emotion: two points a turn, in order even where turns overlap. */
function stepped(lane) {
  const columns = [[], ...call.labels.map(() => [])];
  let last = -1;
  for (const turn of scored(lane)) {
    for (const time of [turn.start, turn.end]) {
      last = Math.max(time, last);
      columns[0].push(last);
      turn.p.forEach((probability, place) => columns[place + 1].push(probability));
    }
  }
  return columns;
}

function dataFor(plot) {
  const seconds = smoothing(), lane = Number(plot.dataset.curve);
  plot.closest(".track").querySelector(".smoothed").textContent = seconds ? `mean of ${clock(seconds)} min` : "";
  return seconds ? smoothed(lane, seconds) : stepped(lane);
}

/** A colour of the style sheet, as it is in the present light. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function chart(plot) {
  const grid = { stroke: () => colour("--edge"), width: 1 };
  const bare = { size: 0, gap: 0, values: (_, times) => times.map(() => ""), ticks: { show: false }, grid };
  return new uPlot({
    width: plot.clientWidth,
    height: plot.clientHeight,
    padding: [3, 0, 3, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false },
    scales: {
      x: { time: false, range: () => [state.view.from, state.view.to] },
      y: { range: [0, 1] },
    },
    axes: [{ ...bare, splits: ticks }, { ...bare, splits: () => [0, 0.5, 1] }],
    series: [{}, ...call.labels.map((label) => ({
      stroke: () => colour(`--${label}-line`),
      width: 2,
      dash: DASHES[label],
      points: { show: false },
    }))],
  }, dataFor(plot), plot);
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
