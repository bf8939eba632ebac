"use strict";

// What the page knows of the calls. Events change it; whoever shows a call is told once a frame which ones have changed.

const settings = JSON.parse(byId("settings").textContent);
const ANGRY = settings.labels.indexOf("angry");

const KEPT_S = 900;         // of each line, the turns of the last so many seconds are kept for its lane
const KEPT_ENDED = 100;     // the last so many calls that have ended are listed
const RECENT_TURNS = 3;     // how angry a line is, is the mean of the last so many turns of its angriest channel

const calls = new Map();    // by their names
const drawers = [];         // called with the calls that have changed, once a frame
const changedCalls = new Set();
let frameAsked = false;
let openCall = null;        // the one whose transcript is shown: of it, all turns are kept

/** Have a call drawn with the next frame; without one, only what concerns all of them. */
function changed(call) {
  if (call) changedCalls.add(call);
  if (frameAsked) return;
  frameAsked = true;
  requestAnimationFrame(() => {
    frameAsked = false;
    const all = [...changedCalls];
    changedCalls.clear();
    for (const draw of drawers) draw(all);
  });
}

function createElement(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Take a call as `/calls` lists it or as it begins. */
function takeCall(told) {
  let call = calls.get(told.call);
  if (!call) {
    call = { name: told.call, alerts: new Map(), acknowledged: new Set(), unloaded: 0, channels: new Map(), turns: 0, position: 0,
      anger: 0, ranked: 0, ended: null };
    calls.set(call.name, call);
  }
  call.source = told.source ?? "";
  call.started = Date.parse(told.started_at);
  if (told.ended_at) call.ended ??= Date.parse(told.ended_at);
  call.reason ??= told.reason ?? null;
  call.unloaded = told.unacknowledged ?? 0; // alerts, until `loadCall` has got them
  call.position = Math.max(call.position, told.position_s ?? 0);
  if (typeof told.turns === "number") call.turns = Math.max(call.turns, told.turns);
  for (const { channel, speaker, scored } of told.channels) {
    if (!call.channels.has(channel)) call.channels.set(channel, { number: channel, speaker, scored, turns: [], now: null });
  }
  if (call.ended) silence(call);
  forgetOld();
  changed(call);
  return call;
}

function probabilities(told) {
  return told.emotion ? settings.labels.map((label) => told[`p_${label}`]) : null;
}

/** Take a turn; one that is known already changes nothing. */
function takeTurn(call, told) {
  const channel = call.channels.get(told.channel);
  if (!channel || channel.turns.some((each) => each.number === told.turn)) return;
  channel.turns.push({
    number: told.turn,
    start: told.start_s,
    end: told.end_s,
    emotion: told.emotion,
    confidence: told.confidence,
    p: probabilities(told),
    words: told.transcript ?? "",
    speaker: told.speaker,
    channel: told.channel,
    alerts: [...call.alerts.values()].filter((each) => each.turn === told.turn).map((each) => each.rule),
  });
  channel.turns.sort((a, b) => a.end - b.end);
  while (call !== openCall && channel.turns[0].end < call.position - KEPT_S) channel.turns.shift();
  call.turns = Math.max(call.turns, told.turn);
  call.position = Math.max(call.position, told.end_s);
  measureAnger(call);
  changed(call);
}

function measureAnger(call) {
  call.anger = Math.max(0, ...[...call.channels.values()].map((channel) => {
    const recent = channel.turns.filter((turn) => turn.p).slice(-RECENT_TURNS).map((turn) => turn.p[ANGRY]);
    return recent.length ? recent.reduce((sum, each) => sum + each, 0) / recent.length : 0;
  }));
}

function takeNow(told) {
  for (const each of told.calls) {
    const call = calls.get(each.call);
    if (!call || call.ended) continue;
    call.position = Math.max(call.position, each.position_s);
    call.dropped = each.dropped_ms;
    for (const now of each.channels) {
      const channel = call.channels.get(now.channel);
      if (channel) channel.now = { level: now.level_dbfs, since: now.since_s, words: now.words, emotion: now.emotion, p: probabilities(now) };
    }
    changed(call);
  }
}

function takeEnd(told) {
  const call = calls.get(told.call);
  if (!call) return;
  call.ended = Date.parse(told.ended_at);
  call.reason = told.reason;
  call.position = Math.max(call.position, told.position_s);
  call.turns = Math.max(call.turns, told.turns);
  silence(call);
  forgetOld();
  changed(call);
}

/** Nothing is being said in a call that has ended. */
function silence(call) {
  for (const channel of call.channels.values()) channel.now = null;
}

/** Of the calls that have ended, keep the last ones, and those whose alerts nobody has acknowledged. */
function forgetOld() {
  const ended = [...calls.values()].filter((call) => call.ended && !call.unloaded && !waiting(call).length);
  ended.sort(lastEnded);
  for (const call of ended.slice(KEPT_ENDED)) {
    calls.delete(call.name);
    changed(call);
  }
}

/** Orders calls by when they started, the newest first. */
function newest(a, b) {
  return b.started - a.started || (a.name < b.name ? 1 : -1);
}

/** Orders calls by when they ended, the last one first. */
function lastEnded(a, b) {
  return b.ended - a.ended || newest(a, b);
}

/** The alerts of a call that nobody has acknowledged. */
function waiting(call) {
  return [...call.alerts.values()].filter((alert) => !alert.acknowledged);
}

function running() {
  return [...calls.values()].filter((call) => !call.ended);
}

/** The strongest emotion that is heard on a channel: of what is being said, or of the last turn. */
function heard(channel) {
  if (channel.now?.emotion) return { emotion: channel.now.emotion, share: Math.max(...channel.now.p), provisional: true };
  const turn = channel.turns.at(-1);
  return turn?.emotion ? { emotion: turn.emotion, share: turn.confidence, provisional: false } : null;
}

function timeOfDay(moment) {
  return moment ? new Date(moment).toLocaleTimeString([], { hour12: false }) : "";
}

function letter(emotion) {
  return settings.letters[settings.labels.indexOf(emotion)];
}

function chip(emotion) {
  const made = createElement("b", `chip ${emotion}`, letter(emotion));
  made.setAttribute("aria-hidden", "true");
  return made;
}
