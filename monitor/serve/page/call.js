"use strict";

// One call in full: its alerts, the curve of each channel that is scored, and its transcript, which goes on while it does.

const END_PIXELS = 40;
const SHORTEST_S = 60;      // of the time that the curves show
const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600];

let charts = [];            // of the open call: {channel, plot, chart, drawn}
let shownTurns = new Map(); // its items in the transcript, by channel and number
let openedFrom = null;      // where the keyboard was
let following = true;       // the transcript stays at its end, unless somebody has scrolled away from it

/** Open a call: what the page has not kept of it comes from the server. */
async function openCallPanel(call) {
  if (openCall !== call) {
    openedFrom = document.activeElement;
    const before = openCall;
    openCall = call;
    if (before) changed(before);
    buildPanel(call);
    changed(call);
    history.replaceState(null, "", `#${encodeURIComponent(call.name)}`);
    await loadCall(call);
  }
  if (openCall !== call) return;
  byId("call").focus();
  byId("call").scrollIntoView({ block: "nearest" });
}

function closeCallPanel() {
  const call = openCall;
  if (!call) return;
  openCall = null;
  byId("call").hidden = true;
  document.body.classList.remove("split");
  charts.forEach((each) => each.chart.destroy());
  charts = [];
  history.replaceState(null, "", location.pathname + location.search);
  changed(call);
  const back = openedFrom?.isConnected && openedFrom !== document.body ? openedFrom : lanes.get(call)?.open;
  (back ?? byId("lines")).focus();
}

function buildPanel(call) {
  document.body.classList.add("split");
  byId("call").hidden = false;
  byId("call-title").textContent = call.name;
  byId("call-alerts").replaceChildren();
  byId("transcript").replaceChildren();
  byId("speaking").textContent = "";
  shownTurns = new Map();
  following = true;
  charts.forEach((each) => each.chart.destroy());
  charts = [];
  byId("curves").replaceChildren();
  for (const channel of call.channels.values()) {
    if (!channel.scored) continue;
    const figure = createElement("figure");
    const caption = createElement("figcaption");
    caption.append(createElement("bdi", "", channel.speaker));
    const plot = createElement("div", "plot");
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `Probability of each emotion over time, ${channel.speaker}`);
    figure.append(caption, plot);
    byId("curves").append(figure);
    const made = { channel, plot, drawn: -1, position: -1 };
    made.chart = emotionChart(plot, settings.labels, stepped([], settings.labels), () => shownTime(call), () => timeGrid(call));
    charts.push(made);
  }
}

/** The time that the curves show: all of the call. */
function shownTime(call) {
  return [0, Math.max(call.position, SHORTEST_S)];
}

function timeGrid(call) {
  const [, end] = shownTime(call);
  const step = STEPS_S.find((seconds) => end / seconds <= 8) ?? 7200;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, place) => place * step);
}

function drawPanel(all) {
  const call = openCall;
  if (!call || !all.includes(call)) return;
  const state = call.ended ? `ended at ${timeOfDay(call.ended)}${call.reason ? ` (${call.reason})` : ""}` : "in progress";
  const facts = [call.source, `since ${timeOfDay(call.started)}`, clock(call.position), state];
  if (call.dropped) facts.push(`${call.dropped} ms of sound lost`);
  setText(byId("call-facts"), facts.filter(Boolean).join(" · "));
  byId("call-report").hidden = !call.ended;
  byId("call-report").href = address(`calls/${encodeURIComponent(call.name)}/report`);
  drawCallAlerts(call);
  drawTranscript(call);
  drawCurves(call);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function drawCallAlerts(call) {
  const list = byId("call-alerts");
  for (const alert of call.alerts.values()) {
    let item = [...list.children].find((each) => each.alert === alert);
    if (!item) {
      item = createElement("li");
      item.alert = alert;
      const facts = createElement("span", "facts");
      for (const text of alertText(alert)) facts.append(createElement("bdi", "", text));
      item.append(facts, acknowledgeButton(call, alert));
      list.append(item);
    }
    item.classList.toggle("done", alert.acknowledged);
    if (alert.acknowledged && item.querySelector("button")) {
      if (item.contains(document.activeElement)) byId("call").focus();
      item.querySelector("button").replaceWith(createElement("span", "quiet", "acknowledged"));
    }
  }
}

function drawTranscript(call) {
  const list = byId("transcript");
  const turns = [...call.channels.values()].flatMap((channel) => channel.turns);
  if (turns.length > shownTurns.size) {
    turns.sort((a, b) => a.start - b.start);
    let place = null;
    for (const turn of turns.reverse()) {
      if (!shownTurns.has(turn.number)) {
        shownTurns.set(turn.number, { element: makeItem(turn), alerts: turn.alerts.length });
        list.insertBefore(shownTurns.get(turn.number).element, place);
      }
      place = shownTurns.get(turn.number).element;
    }
  }
  for (const turn of turns) {
    const item = shownTurns.get(turn.number);
    for (const rule of turn.alerts.slice(item.alerts)) item.element.append(alertLine(rule));
    item.alerts = turn.alerts.length;
  }
  setText(byId("speaking"), [...call.channels.values()]
    .filter((channel) => channel.now && channel.now.since !== null)
    .map((channel) => `${channel.speaker}: ${channel.now.words || "…"}`).join("\n"));
  followTranscript();
}

function followTranscript() {
  if (following) byId("transcript").scrollTop = byId("transcript").scrollHeight;
}

function makeItem(turn) {
  const item = createElement("li", "turn");
  const feeling = createElement("span", "feeling");
  if (turn.emotion) feeling.append(chip(turn.emotion), ` ${turn.emotion} `, createElement("span", "sure", percent(turn.confidence)));
  else {
    feeling.className = "feeling quiet";
    feeling.textContent = "not scored";
  }
  const who = createElement("span", "who");
  who.append(createElement("bdi", "", turn.speaker));
  item.append(createElement("span", "time", clock(turn.start)), who, feeling);
  if (turn.words) {
    const words = createElement("p", "words", turn.words);
    words.dir = "auto";
    item.append(words);
  }
  for (const rule of turn.alerts) item.append(alertLine(rule));
  return item;
}

function alertLine(rule) {
  const line = createElement("p", "alert");
  const sign = createElement("span", "", "▲");
  sign.setAttribute("aria-hidden", "true");
  line.append(sign, " Alert: ", createElement("bdi", "", rule));
  return line;
}

function drawCurves(call) {
  for (const each of charts) {
    const turns = each.channel.turns.filter((turn) => turn.p);
    const second = Math.floor(call.position);
    if (turns.length === each.drawn && second === each.position) continue;
    each.chart.setData(stepped(turns, settings.labels), false);
    const [min, max] = shownTime(call);
    each.chart.setScale("x", { min, max });
    each.drawn = turns.length;
    each.position = second;
  }
}

function connectCall() {
  drawers.push(drawPanel);
  byId("close").addEventListener("click", closeCallPanel);
  byId("transcript").addEventListener("scroll", ({ target }) => {
    following = target.scrollHeight - target.scrollTop - target.clientHeight < END_PIXELS;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
    if (event.key === "Escape") closeCallPanel();
    if (event.key.toLowerCase() === "a") goToAlerts();
  });
  new ResizeObserver(followTranscript).observe(byId("transcript"));
  const redraw = () => { for (const each of charts) each.chart.redraw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => {
    for (const { plot, chart } of charts) {
      if (plot.clientWidth !== chart.width) chart.setSize({ width: plot.clientWidth, height: plot.clientHeight });
    }
  }).observe(byId("curves"));
}
