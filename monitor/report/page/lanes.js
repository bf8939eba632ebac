"use strict";

// The timeline: a lane of turns for each speaker, a scale, a playhead, and zoom.

const MOST_ZOOM_S = 5;      // the shortest part of a recording that the timeline shows
const LETTER_PIXELS = 12;   // a turn that is narrower shows its colour and its row only
const TICK_PIXELS = 55;     // room for the longest time on the scale
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

const blocks = [];

/** Where a time lies in what the timeline shows: 0 at its left end, 1 at its right. */
function along(time) {
  return (time - state.view.from) / (state.view.to - state.view.from);
}

function timeAt(event, plot) {
  const box = plot.getBoundingClientRect();
  return state.view.from + ((event.clientX - box.left) / box.width) * (state.view.to - state.view.from);
}

function plots() {
  return document.querySelectorAll("#tracks .lane .plot, #tracks .curve .plot");
}

/** Show another part of the recording, as far as there is one. */
function look(from, to) {
  const span = Math.min(Math.max(to - from, Math.min(MOST_ZOOM_S, call.duration)), call.duration);
  const start = Math.min(Math.max(from, 0), call.duration - span);
  state.view = { from: start, to: start + span };
  announce("view");
}

/** Show less (below 1) or more of the recording, with one time staying where it is. */
function zoom(factor, around = state.time) {
  const { from, to } = state.view;
  const fixed = Math.min(Math.max(around, from), to);
  look(fixed - (fixed - from) * factor, fixed + (to - fixed) * factor);
}

function buildLanes() {
  call.turns.forEach((turn, place) => {
    const block = document.createElement("button");
    block.type = "button";
    block.className = `block ${turn.emotion || "unscored"}${turn.alert ? " alarming" : ""}`;
    block.tabIndex = -1;
    block.dataset.place = place;
    if (turn.emotion) block.dataset.letter = call.letters[call.labels.indexOf(turn.emotion)];
    block.setAttribute("aria-label", described(place));
    block.title = described(place);
    blocks.push(block);
    document.querySelector(`[data-lane="${turn.lane}"]`).append(block);
  });
}

function placeBlocks() {
  const pixels = byId("scale").clientWidth;
  call.turns.forEach((turn, place) => {
    const left = along(turn.start), width = along(turn.end) - left;
    const block = blocks[place];
    block.hidden = left > 1 || left + width < 0;
    block.style.left = `${left * 100}%`;
    block.style.width = `${width * 100}%`;
    block.classList.toggle("wide", width * pixels >= LETTER_PIXELS);
  });
}

/** The times that the scale names: round ones, as many as have room. */
function ticks() {
  const span = state.view.to - state.view.from;
  const room = Math.max(2, Math.floor(byId("scale").clientWidth / 75));
  const step = STEPS_S.find((seconds) => span / seconds <= room) || Math.ceil(span / room / 3600) * 3600;
  const times = [];
  for (let time = Math.ceil(state.view.from / step) * step; time < state.view.to; time += step) times.push(time);
  return times;
}

function drawScale() {
  const at = (time, text, kind) => {
    const element = document.createElement("span");
    element.textContent = text;
    element.className = kind;
    element.style.left = `${along(time) * 100}%`;
    return element;
  };
  const marks = call.marks.filter((mark) => along(mark.time) >= 0 && along(mark.time) <= 1);
  byId("scale").replaceChildren(
    ...ticks().map((time) => at(time, along(time) < 1 - TICK_PIXELS / byId("scale").clientWidth ? clock(time) : "", "tick")),
    ...marks.map((mark) => at(mark.time, "▼", "flag")),
  );
}

function drawPlayhead() {
  const place = along(state.time);
  byId("playhead").style.setProperty("--at", place);
  byId("playhead").classList.toggle("outside", place < 0 || place > 1);
}

/** When the playhead runs out of what is shown, turn over like a page. */
function followPlayhead() {
  const { from, to } = state.view;
  if (state.time < from || state.time > to) look(state.time - (to - from) * 0.05, state.time + (to - from) * 0.95);
}

function turnWheel(event) {
  const span = state.view.to - state.view.from;
  if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event, event.currentTarget));
  else if (event.deltaX || event.shiftKey) {
    const pixels = event.deltaX || event.deltaY;
    const shift = (pixels / event.currentTarget.clientWidth) * span;
    look(state.view.from + shift, state.view.to + shift);
  } else return;
  event.preventDefault();
}

function connectLanes() {
  buildLanes();
  for (const plot of plots()) {
    plot.addEventListener("wheel", turnWheel, { passive: false });
    plot.addEventListener("click", (event) => {
      const block = event.target.closest(".block");
      if (block) choose(Number(block.dataset.place));
      else seekTo(timeAt(event, plot));
    });
  }
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("zoom-all").addEventListener("click", () => look(0, call.duration));
  whenever("view", () => { placeBlocks(); drawScale(); drawPlayhead(); });
  whenever("time", () => { followPlayhead(); drawPlayhead(); });
  whenever("current", () => blocks.forEach((block, place) => block.classList.toggle("current", state.current.has(place))));
  whenever("filter", () => blocks.forEach((block, place) => block.classList.toggle("off", state.hidden.has(place))));
}
