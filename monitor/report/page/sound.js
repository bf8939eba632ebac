"use strict";

// Playing. Without a recording in the page, times can still be moved to; nothing sounds then.

const audio = byId("audio");
let sounding = false; // the sound is decoded, so that it can be played

/** Move to a time, and play from there where there is a sound. */
function playFrom(time) {
  seekTo(time);
  if (sounding) play();
}

function seekTo(time) {
  if (sounding) audio.currentTime = time;
  moveTo(time);
}

function playOrPause() {
  if (!sounding) return;
  if (audio.paused) play();
  else audio.pause();
}

function play() {
  // A click that pauses at once breaks the promise of playing off: that is no trouble.
  audio.play().catch((error) => error.name === "AbortError" || say(`The recording cannot be played (${error.message}).`));
}

function say(trouble) {
  byId("trouble").textContent = trouble;
  byId("trouble").hidden = false;
}

/** The bytes of the recording: newer browsers decode them at once, older ones letter by letter. */
function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  return bytes;
}

/** Take the recording out of the page. A blob, for Firefox plays no data: address longer than 32 MB. */
function loadSound() {
  const element = byId("sound");
  if (!element) return;
  audio.src = URL.createObjectURL(new Blob([decoded(element.textContent)], { type: "audio/webm; codecs=opus" }));
  element.remove();
  sounding = true;
  byId("play").disabled = false;
}

function followSound() {
  moveTo(audio.currentTime);
  if (!audio.paused) requestAnimationFrame(followSound);
}

function showPlaying() {
  const playing = !audio.paused;
  byId("play").classList.toggle("playing", playing);
  byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  if (playing) requestAnimationFrame(followSound);
}

function connectSound() {
  whenever("time", () => { byId("now").textContent = clock(state.time); });
  if (!audio) return;
  const position = byId("position");
  byId("play").disabled = true;
  byId("play").addEventListener("click", playOrPause);
  position.addEventListener("input", () => seekTo(Number(position.value)));
  byId("speed").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, showPlaying);
  audio.addEventListener("timeupdate", () => moveTo(audio.currentTime)); // frames stop in a hidden window
  audio.addEventListener("error", () => {
    sounding = false;
    byId("play").disabled = true;
    say("This browser cannot play the recording (Opus in WebM); all else works.");
  });
  whenever("time", () => {
    position.value = state.time;
    position.setAttribute("aria-valuetext", clock(state.time));
  });
}
