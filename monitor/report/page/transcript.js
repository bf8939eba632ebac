"use strict";

// The list of turns: choosing one, following what is spoken, search and filters.

const items = call.turns.map((_, place) => byId(`turn-${place}`));
let reachable = 0;
const canHighlight = typeof Highlight === "function" && CSS.highlights;

/** Text as search compares it: without case and accents. */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

const words = items.map((item) => folded(item.querySelector(".words")?.textContent || ""));

/** Hear a turn. */
function choose(place) {
  playFrom(call.turns[place].start);
  reach(place);
}

/** Let the tab key reach one turn of all, in the list and in the lanes; the arrow keys lead to the others. */
function reach(place) {
  const buttons = (of) => [items[of].querySelector(".time"), blocks[of]];
  for (const button of buttons(reachable)) button.tabIndex = -1;
  for (const button of buttons(place)) button.tabIndex = 0;
  reachable = place;
}

/** Go to the next turn (or, with −1, the one before) that the filters leave. */
function step(direction) {
  const ahead = direction > 0 && state.time + EDGE_S < call.turns[state.selected].start;
  let place = ahead ? state.selected : state.selected + direction;
  while (state.hidden.has(place)) place += direction;
  if (!(place in call.turns)) return;
  const inLanes = document.activeElement.closest("#tracks");
  seekTo(call.turns[place].start);
  reach(place);
  bring(place);
  (inLanes ? blocks[place] : items[place].querySelector(".time")).focus({ preventScroll: true });
}

/** Scroll the list, and nothing else, so that a turn is seen. */
function bring(place) {
  const list = byId("turns"), item = items[place];
  const above = item.offsetTop - list.scrollTop;
  if (above < 0 || above + item.offsetHeight > list.clientHeight) list.scrollTop = item.offsetTop - list.clientHeight / 3;
}

function showCurrent() {
  items.forEach((item, place) => {
    item.classList.toggle("current", state.current.has(place));
    if (state.current.has(place)) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  });
  if (!state.current.size) {
    byId("current").textContent = "Nobody speaks.";
    return;
  }
  const text = items[state.selected].querySelector(".words")?.textContent;
  byId("current").textContent = described(state.selected) + (text ? `: ${text}` : "");
  reach(state.selected);
  bring(state.selected);
}

function filters() {
  return {
    text: folded(byId("search").value.trim()),
    speaker: byId("speaker")?.value ?? "",
    least: Number(byId("confidence")?.value ?? 0) / 100,
  };
}

function passes(turn, place, { text, speaker, least }) {
  return (!text || words[place].includes(text))
    && (speaker === "" || turn.lane === Number(speaker))
    && (!state.emotions.size || state.emotions.has(turn.emotion))
    && (least === 0 || (turn.confidence !== null && turn.confidence >= least));
}

function filter() {
  const wanted = filters();
  const filtering = Boolean(wanted.text || wanted.speaker || wanted.least || state.emotions.size);
  state.hidden = new Set();
  call.turns.forEach((turn, place) => {
    const hidden = !passes(turn, place, wanted);
    items[place].hidden = hidden;
    if (hidden) state.hidden.add(place);
  });
  const total = call.turns.length, shown = total - state.hidden.size;
  const all = `${total.toLocaleString("en")} ${total === 1 ? "turn" : "turns"}`;
  byId("found").textContent = filtering ? `${shown.toLocaleString("en")} of ${all}` : all;
  byId("reset").hidden = !filtering;
  byId("nothing").hidden = shown > 0;
  if (byId("least")) byId("least").textContent = percent(wanted.least);
  highlight(wanted.text);
  announce("filter");
}

/** Where a line says a text: ranges of it, whatever the case and the accents there, and whatever is underlined. */
function ranges(line, text) {
  let letters = "";
  const places = [];        // of each of the letters: the node and where in it the letter begins and ends
  const nodes = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    let start = 0;
    for (const letter of nodes.currentNode.data) {
      const end = start + letter.length, bare = folded(letter);
      for (let each = 0; each < bare.length; each++) places.push([nodes.currentNode, start, end]);
      letters += bare;
      start = end;
    }
  }
  const found = [];
  for (let at = letters.indexOf(text); at >= 0; at = letters.indexOf(text, at + text.length)) {
    const [first, start] = places[at], [last, , end] = places[at + text.length - 1];
    const range = new Range();
    range.setStart(first, start);
    range.setEnd(last, end);
    found.push(range);
  }
  return found;
}

/** Colour the words that were searched for, without touching the page's text. */
function highlight(text) {
  if (!canHighlight) return;
  const found = new Highlight();
  const shown = text ? items.filter((item) => !item.hidden) : [];
  for (const item of shown) ranges(item.querySelector(".words"), text).forEach((range) => found.add(range));
  CSS.highlights.set("found", found);
}

function toggleEmotion(button) {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  state.emotions[pressed ? "add" : "delete"](button.dataset.emotion);
  filter();
}

function resetFilters() {
  document.querySelectorAll("[data-emotion]").forEach((button) => button.setAttribute("aria-pressed", "false"));
  state.emotions.clear();
  setTimeout(filter); // after the form has emptied its fields
}

function connectTranscript() {
  items.forEach((item, place) => {
    item.querySelector(".time").setAttribute("aria-label", `Turn ${place + 1}: ${described(place)}`);
  });
  reach(0);
  byId("turns").addEventListener("click", (event) => {
    const item = event.target.closest(".turn");
    const selecting = String(getSelection()).length > 0 && !event.target.closest("button");
    if (item && !selecting) choose(items.indexOf(item));
  });
  document.querySelectorAll("[data-seek]").forEach((button) => {
    button.addEventListener("click", () => playFrom(Number(button.dataset.seek)));
  });
  document.querySelectorAll("[data-emotion]").forEach((button) => {
    button.addEventListener("click", () => toggleEmotion(button));
  });
  const form = byId("filters");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", resetFilters);
  whenever("current", showCurrent);
}
