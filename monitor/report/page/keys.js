"use strict";

// The keyboard, wherever no field has a better use for a key.

const KEYS = {
  " ": playOrPause,
  ArrowLeft: () => step(-1),
  ArrowUp: () => step(-1),
  ArrowRight: () => step(1),
  ArrowDown: () => step(1),
  "/": () => byId("search").focus(),
  "+": () => zoom(0.5),
  "-": () => zoom(2),
  0: () => look(0, call.duration),
};

/** Whether the element that has the focus needs the key for itself. */
function keeps(element, key) {
  if (element.matches("select, textarea, input:not([type=range])")) return true;
  if (element.matches("input[type=range]")) return key.startsWith("Arrow");
  if (key === " ") return element.matches("button, summary") && !element.matches(".time, .block, #play");
  return key.startsWith("Arrow") && element.matches("[role=region]");
}

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target === byId("search")) event.target.blur();
  const action = KEYS[event.key];
  if (!action || keeps(event.target, event.key)) return;
  event.preventDefault();
  action();
}

function connectKeys() {
  document.addEventListener("keydown", pressKey);
  // A button answers to the space bar when it comes up again: the turns and the play button have answered already.
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && event.target.matches(".time, .block, #play")) event.preventDefault();
  });
}
