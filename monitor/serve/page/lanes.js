"use strict";

// The lanes of the calls in progress, and below them the calls that have ended. Only lanes near the window are drawn.

const PIXELS_A_SECOND = 4;
const LETTER_PIXELS = 12;
const STRIP_PIXELS = 24;
const MINUTE_PIXELS = 60 * PIXELS_A_SECOND;
const SORT_EVERY_MS = 2000;
const RANK_STEP = 0.1;      // how much angrier a line has to be before it moves
const QUIET_DBFS = -60;

const lanes = new Map();    // by call
const endedRows = new Map();
let sortedAt = 0;
let picked = null;  // the lane that somebody stepped to or clicked on
const shades = new Map();
let stripPixels = 0;        // the width of every strip; measured when it changes, for a measure costs a layout

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const lane = entry.target.lane;
    if (!lane) continue;
    lane.near = entry.isIntersecting;
    stripPixels ||= entry.target.querySelector(".strip").clientWidth;
    changed(lane.call);
  }
}, { rootMargin: "300px" });

const widths = new ResizeObserver(() => {
  stripPixels = byId("lines").querySelector(".strip")?.clientWidth ?? 0;
  running().forEach(changed);
});

function makeLane(call) {
  const element = byId("lane").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  const lane = { call, element, near: false, channels: new Map(), shown: {},
    open: part("open"), badge: part("badge"), time: part("time"), words: part("words") };
  part("name").textContent = call.name;
  part("source").textContent = call.source;
  for (const channel of call.channels.values()) {
    const row = byId("channel").content.firstElementChild.cloneNode(true);
    row.querySelector("bdi").textContent = channel.speaker;
    part("channels").append(row);
    lane.channels.set(channel, { row, level: row.querySelector(".level"), strip: row.querySelector(".strip"),
      feeling: row.querySelector(".feeling"), shown: {} });
  }
  element.lane = lane;
  lanes.set(call, lane);
  near.observe(element);
  return lane;
}

function removeLane(lane) {
  const hadFocus = lane.element.contains(document.activeElement);
  const neighbour = lane.element.nextElementSibling ?? lane.element.previousElementSibling;
  near.unobserve(lane.element);
  lane.element.remove();
  lanes.delete(lane.call);
  if (hadFocus) (neighbour?.lane.open ?? byId("lines")).focus();
}

/** Set a text or a property only where it is another one than before: the browser then has nothing to do. */
function show(lane, what, value, apply) {
  if (lane.shown[what] === value) return;
  lane.shown[what] = value;
  apply(value);
}

function drawLane(lane) {
  const { call } = lane;
  const alerts = waiting(call).length;
  show(lane, "alerts", alerts, () => {
    lane.badge.hidden = !alerts;
    lane.badge.textContent = `▲ ${alerts === 1 ? "alert" : `${alerts} alerts`}`;
    lane.element.classList.toggle("alarming", alerts > 0);
  });
  show(lane, "open", call === openCall, (open) => {
    lane.element.classList.toggle("opened", open);
    lane.open.setAttribute("aria-expanded", String(open));
  });
  show(lane, "label", described(call), (label) => lane.open.setAttribute("aria-label", label));
  if (!lane.near) return;
  show(lane, "time", clock(call.position), (time) => { lane.time.textContent = time; });
  for (const [channel, drawn] of lane.channels) drawChannel(lane, call, channel, drawn);
  show(lane, "words", lastWords(call), (words) => { lane.words.firstElementChild.textContent = words; });
}

/** A call in words, for whoever does not see its lane. */
function described(call) {
  const channels = [...call.channels.values()].map((channel) => {
    const found = channel.scored ? channel.turns.at(-1) : null;
    if (!channel.scored) return `${channel.speaker} not scored`;
    return found?.emotion ? `${channel.speaker} ${found.emotion} ${percent(found.confidence)}` : channel.speaker;
  });
  const alerts = waiting(call).length;
  return [call.name, ...channels, ...(alerts ? [`${alerts} ${alerts === 1 ? "alert" : "alerts"}`] : [])].join(", ");
}

function drawChannel(lane, call, channel, drawn) {
  const { now } = channel;
  const speaking = now !== null && now.since !== null;
  show(drawn, "speaking", speaking, () => drawn.row.classList.toggle("speaking", speaking));
  const level = now ? Math.min(Math.max(1 - now.level / QUIET_DBFS, 0), 1).toFixed(2) : 0;
  show(drawn, "level", level, () => { drawn.level.style.transform = `scaleX(${level})`; });
  drawStrip(drawn.strip, call, channel);
  const found = heard(channel);
  show(drawn, "feeling", found ? `${found.emotion} ${percent(found.share)}` : "", () => {
    drawn.feeling.replaceChildren(...(found ? [chip(found.emotion), createElement("span", "sure", percent(found.share))] : []));
    drawn.feeling.title = found ? `${found.emotion} ${percent(found.share)}` : "";
  });
}

/** Draw a channel's strip: its right end is now. A turn has the colour of its emotion, and is the higher the surer it is. */
function drawStrip(canvas, call, channel) {
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(stripPixels * ratio)) {
    canvas.width = Math.round(stripPixels * ratio);
    canvas.height = STRIP_PIXELS * ratio;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, stripPixels, STRIP_PIXELS);
  pen.fillStyle = shade("--edge");
  for (let x = stripPixels - MINUTE_PIXELS; x > 0; x -= MINUTE_PIXELS) pen.fillRect(x, 0, 1, STRIP_PIXELS);
  const at = (time) => stripPixels + (time - call.position) * PIXELS_A_SECOND;
  for (let place = channel.turns.length - 1; place >= 0; place--) {
    const turn = channel.turns[place];
    if (at(turn.end) < 0) break;
    drawBlock(pen, at(turn.start), at(turn.end), turn.emotion, turn.confidence, turn.alerts.length > 0);
  }
  if (!channel.now || channel.now.since === null) return;
  pen.globalAlpha = 0.6; // it is not known yet
  drawBlock(pen, at(channel.now.since), stripPixels, channel.scored ? channel.now.emotion : null, Math.max(...channel.now.p ?? [0]), false);
  pen.globalAlpha = 1;
}

function drawBlock(pen, left, right, emotion, confidence, alarming) {
  const width = Math.max(right - left - 1, 3);
  const height = emotion ? 11 + 13 * Math.min(Math.max((confidence - 0.25) / 0.75, 0), 1) : 8;
  const top = STRIP_PIXELS - height;
  if (emotion) {
    pen.fillStyle = shade(`--${emotion}`);
    pen.fillRect(left, top, width, height);
  }
  if (!emotion || emotion === "happy") {
    pen.lineWidth = 1;
    pen.strokeStyle = shade(emotion ? `--${emotion}-line` : "--control");
    pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  }
  if (alarming) {
    pen.lineWidth = 2;
    pen.strokeStyle = shade("--ink");
    pen.strokeRect(left - 1, Math.max(top - 1, 1), width + 2, height);
  }
  if (!emotion || width < LETTER_PIXELS) return;
  pen.fillStyle = shade(`--on-${emotion}`);
  pen.font = "700 10px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText(letter(emotion), left + width / 2, STRIP_PIXELS - 2);
}

/** A colour of the style sheet; looking one up for each block would take longer than drawing it. */
function shade(name) {
  if (!shades.has(name)) shades.set(name, colour(name));
  return shades.get(name);
}

/** The words that came last: of whoever is speaking, or of the last turn. */
function lastWords(call) {
  let last = null;
  for (const channel of call.channels.values()) {
    const saying = channel.now?.since !== null && channel.now?.words;
    const turn = saying ? { end: channel.now.since + KEPT_S, words: channel.now.words } : channel.turns.at(-1);
    if (turn?.words && (!last || turn.end > last.end)) last = { ...turn, speaker: channel.speaker };
  }
  return last ? `${last.speaker}: ${last.words}` : "";
}

function order() {
  if (byId("order").value === "newest") return newest;
  const rank = (call) => (waiting(call).length ? 100 : 0) + call.ranked;
  return (a, b) => rank(b) - rank(a) || newest(a, b);
}

/** Put the lanes into their order; whoever stands on one with the keyboard stays on it. */
function sortLanes() {
  sortedAt = performance.now();
  const list = byId("lines");
  const focused = document.activeElement;
  for (const call of lanes.keys()) if (Math.abs(call.anger - call.ranked) > RANK_STEP) call.ranked = call.anger;
  const sorted = [...lanes.keys()].sort(order());
  let place = list.firstElementChild;
  for (const call of sorted) {
    const { element } = lanes.get(call);
    if (element === place) place = place.nextElementSibling;
    else if (list.moveBefore && element.isConnected) list.moveBefore(element, place);
    else list.insertBefore(element, place);
  }
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  if (!picked?.open.isConnected && !list.contains(document.activeElement) && list.firstElementChild) reach(list.firstElementChild.lane);
}

/** Let the tab key reach one lane of all; the arrow keys lead to the others. */
function reach(lane) {
  byId("lines").querySelector('.open[tabindex="0"]')?.setAttribute("tabindex", "-1");
  lane.open.tabIndex = 0;
}

function makeEnded(call) {
  const row = createElement("li", "ended");
  row.call = call;
  const open = createElement("button", "open");
  open.type = "button";
  open.append(createElement("bdi", "", call.name));
  open.addEventListener("click", () => openCallPanel(call));
  const report = createElement("a", "", "Report");
  report.href = address(`calls/${encodeURIComponent(call.name)}/report`);
  report.target = "_blank";
  report.rel = "noopener";
  report.setAttribute("aria-label", `Report of ${call.name}`);
  const facts = [call.source, timeOfDay(call.ended), clock(call.position), `${call.turns} ${call.turns === 1 ? "turn" : "turns"}`, call.reason];
  row.append(open, createElement("span", "facts", facts.filter(Boolean).join(" · ")), report);
  return row;
}

function drawLanes(all) {
  let added = false;
  for (const call of all) {
    const lane = lanes.get(call);
    if (call.ended || !calls.has(call.name)) {
      if (lane) removeLane(lane);
      endedRows.get(call)?.remove();
      endedRows.delete(call);
      if (!calls.has(call.name)) continue;
      const row = makeEnded(call);
      const before = [...byId("ended").children].find((other) => lastEnded(call, other.call) < 0);
      byId("ended").insertBefore(row, before ?? null);
      endedRows.set(call, row);
      continue;
    }
    added ||= !lane;
    drawLane(lane ?? makeLane(call));
  }
  if (added || performance.now() - sortedAt > SORT_EVERY_MS) sortLanes();
  const count = lanes.size;
  byId("count").textContent = `${count} ${count === 1 ? "line" : "lines"} in progress`;
  byId("nobody").hidden = count > 0;
  byId("ended-section").hidden = endedRows.size === 0;
}

/** Go from one lane to another with the keyboard. */
function stepLane(event) {
  const from = event.target.closest(".lane");
  if (!from) return;
  const to = { ArrowDown: from.nextElementSibling, ArrowUp: from.previousElementSibling,
    Home: byId("lines").firstElementChild, End: byId("lines").lastElementChild }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (!to) return;
  picked = to.lane;
  reach(picked);
  to.lane.open.focus();
}

function connectLanes() {
  drawers.push(drawLanes);
  widths.observe(byId("lines"));
  byId("lines").addEventListener("keydown", stepLane);
  byId("lines").addEventListener("click", (event) => {
    const lane = event.target.closest(".lane")?.lane;
    if (!lane || String(getSelection())) return;
    picked = lane;
    reach(picked);
    openCallPanel(lane.call);
  });
  byId("order").addEventListener("change", sortLanes);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    shades.clear();
    running().forEach(changed);
  });
}
