"use strict";

// The server's events, and what it is asked. The browser reconnects by itself, and says which event it had last; where it
// gives up, or nothing comes while calls go on, the page begins again.

const TOKEN = new URLSearchParams(location.search).get("token");
const SILENT_MS = 8000;     // the present state comes four times a second while calls go on
const AGAIN_MS = 2000;

let stream = null;
let lastEvent = null;
let heardAt = 0;
let begun = 0;              // how often the page began: only the last time counts
let lostAt = null;
let missing = [];           // the other servers, whose calls belong here, that cannot be reached

/** An address of the page's server, with the token that the page itself was asked with. */
function address(path, more = {}) {
  const made = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(TOKEN ? { token: TOKEN, ...more } : more)) made.searchParams.set(name, value);
  return made.href;
}

/** The server's answer, or `null` where it does not answer. */
async function ask(path, options = {}) {
  try {
    return await fetch(address(path), { cache: "no-store", ...options });
  } catch {
    return null;
  }
}

const TAKERS = {
  call_started: (told) => takeCall(told),
  turn: (told) => about(told, (call) => takeTurn(call, told)),
  alert: (told) => about(told, (call) => takeAlert(call, told)),
  acknowledged: (told) => about(told, (call) => acknowledged(call, told.alert)),
  call_ended: takeEnd,
  now: (told) => (takeNow(told), takeMissing(told.unreachable)),
  reset: begin,
};

function about(told, take) {
  const call = calls.get(told.call);
  if (call) take(call);
}

/** Learn which calls there are, and follow the events from then on. */
async function begin() {
  const mine = ++begun;
  stream?.close();
  const answer = await ask("calls");
  if (mine !== begun) return;
  if (!answer?.ok) {
    lost(answer && `The server refuses the page (${answer.status}).`);
    setTimeout(begin, AGAIN_MS);
    return;
  }
  const told = await answer.json();
  if (mine !== begun) return;
  lastEvent = answer.headers.get("last-event-id");
  const names = new Set(told.map((call) => call.call));
  for (const call of [...calls.values()]) if (!names.has(call.name)) forget(call);
  told.forEach(takeCall);
  follow();
  changed();
  const old = (call) => call.unloaded || waiting(call).length || call === openCall || (!call.ended && call.turns);
  await loadCalls([...calls.values()].filter(old));
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (!openCall && calls.has(wanted)) openCallPanel(calls.get(wanted));
}

function forget(call) {
  for (const alert of waiting(call)) acknowledged(call, alert.alert);
  if (call === openCall) closeCallPanel();
  calls.delete(call.name);
  changed(call);
}

/** Learn what was said and acknowledged while the page did not listen: of a few calls at a time. */
async function loadCalls(rest) {
  const work = async () => {
    while (rest.length) {
      const call = rest.shift();
      if (calls.has(call.name)) await loadCall(call);
    }
  };
  await Promise.all([work(), work(), work()]);
}

async function loadCall(call) {
  const answer = await ask(`calls/${encodeURIComponent(call.name)}`);
  if (!answer?.ok) return;
  const told = await answer.json();
  takeCall({ ...told, turns: told.turns.length });
  for (const turn of told.turns) takeTurn(call, turn);
  for (const alert of told.alerts) takeAlert(call, alert);
  call.unloaded = 0;
  forgetOld();
}

function follow() {
  heardAt = performance.now();
  stream = new EventSource(address("events", lastEvent === null ? {} : { after: lastEvent }));
  stream.addEventListener("open", found);
  stream.addEventListener("error", () => {
    lost();
    if (stream.readyState !== EventSource.CLOSED) return;
    stream.close();
    setTimeout(begin, AGAIN_MS);
  });
  for (const [name, take] of Object.entries(TAKERS)) {
    stream.addEventListener(name, (event) => {
      heardAt = performance.now();
      if (lostAt) found();
      if (event.lastEventId) lastEvent = event.lastEventId;
      take(JSON.parse(event.data));
    });
  }
}

/** Where another server is lost or found again, its calls are. */
function takeMissing(servers) {
  if (`${servers}` === `${missing}`) return;
  missing = servers;
  found();
  begin();
}

function lost(why) {
  if (lostAt) return;
  lostAt = new Date();
  byId("connection").textContent = why || `Offline since ${timeOfDay(lostAt)}: what is shown is old.`;
  document.body.classList.add("offline");
}

function found() {
  lostAt = null;
  byId("connection").textContent = missing.length ? `Calls are missing: ${missing.join(", ")} cannot be reached.` : "";
  document.body.classList.remove("offline");
}

/** Where calls go on and nothing is heard of them, the connection is gone without a word. */
function watch() {
  if (lostAt || !running().length || performance.now() - heardAt < SILENT_MS) return;
  lost();
  begin();
}

function connectStream() {
  setInterval(watch, 1000);
  begin();
}
