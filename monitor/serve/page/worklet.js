"use strict";

// Runs in the thread of the browser's sound: takes the first channel in pieces of 128 samples, and hands it over as
// 16-bit samples, a tenth of a second at a time.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
  }

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.samples[this.filled++] = Math.round(Math.min(Math.max(sample, -1), 1) * 32767);
      if (this.filled < this.samples.length) continue;
      this.port.postMessage(this.samples.slice().buffer);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
