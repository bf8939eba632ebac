"use strict";

connectSound();
connectLanes();
connectCurves();
connectTranscript();
connectKeys();
announce("view");
filter();

// The recording stands at the page's end. Once it is there, the page has been painted.
whenever("DOMContentLoaded", () => setTimeout(loadSound));
