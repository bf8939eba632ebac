"use strict";

// What the page knows of the call, and what it is showing now. Whoever changes `state` says so with `announce`; whoever
// shows it listens with `whenever`. The words are not here: they stand in the page, and stay text.

const call = JSON.parse(document.getElementById("call").textContent);

const state = {
  time: 0,                                  // seconds from the start of the recording
  view: { from: 0, to: call.duration },     // the part of it that the timeline shows
  selected: 0,                              // the turn from which the arrow keys go on
  current: new Set(),                       // the turns that are being spoken at `time`
  hidden: new Set(),                        // the turns that the filters leave out
  emotions: new Set(),                      // the emotions that are asked for; none means all
};

function announce(what) {
  document.dispatchEvent(new Event(what));
}

function whenever(what, then) {
  document.addEventListener(what, then);
}

/** A turn in words, for whoever does not see the page. */
function described(place) {
  const turn = call.turns[place];
  const feeling = turn.emotion ? `${turn.emotion} ${percent(turn.confidence)}` : "not scored";
  return `${clock(turn.start)} ${call.speakers[turn.lane]}, ${feeling}${turn.alert ? ", alert" : ""}`;
}

const EDGE_S = 0.02; // a player that is sent to a turn's start may stop a moment before it

/** Move to a time: the turns spoken there become current, and the last to begin by then is selected. */
function moveTo(time) {
  state.time = Math.min(Math.max(time, 0), call.duration);
  const heard = state.time + EDGE_S;
  const current = new Set();
  state.selected = 0;
  call.turns.forEach((turn, place) => {
    if (turn.start > heard) return;
    state.selected = place;
    if (heard < turn.end) current.add(place);
  });
  const changed = current.size !== state.current.size || [...current].some((place) => !state.current.has(place));
  state.current = current;
  announce("time");
  if (changed) announce("current");
}
