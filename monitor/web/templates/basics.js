"use strict";

// What the scripts of every page begin with.

function byId(id) {
  return document.getElementById(id);
}

/** A place in the recording as m:ss or h:mm:ss, cut off to the second. */
function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function percent(share) {
  return `${Math.round(share * 100)}%`;
}
