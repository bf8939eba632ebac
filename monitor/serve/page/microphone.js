"use strict";

// This computer's microphone as a line: its sound goes to the server as 16-bit samples. A browser that cannot bring it to
// 16 kHz sends it as it is, and says so.

const RATE = 16000;
const MOST_WAITING_BYTES = 10 * 2 * RATE; // where the network is that far behind, sound is left out

let microphone = null;      // what has to be ended: {socket, context, media}

async function startMicrophone() {
  if (!navigator.mediaDevices) {
    notice("A browser lets a page use the microphone only over https or on this computer itself (127.0.0.1).");
    return;
  }
  const begun = { socket: null, context: null, media: null };
  microphone = begun;
  showMicrophone();
  try {
    begun.media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const node = await capture(begun);
    const query = { rate: begun.context.sampleRate, channels: 1, speakers: "speaker1", call: "microphone" };
    begun.socket = new WebSocket(address("media/pcm", query).replace(/^http/, "ws"));
    begun.socket.addEventListener("close", (event) => {
      if (microphone === begun) stopMicrophone(`The server ended the microphone's line${event.reason ? `: ${event.reason}` : "."}`);
    });
    node.port.onmessage = ({ data }) => {
      if (begun.socket.readyState === WebSocket.OPEN && begun.socket.bufferedAmount < MOST_WAITING_BYTES) begun.socket.send(data);
    };
    notice("The microphone is on.");
  } catch (error) {
    stopMicrophone(`The microphone cannot be used: ${error.message}`);
  }
}

/** Connect the microphone to a node that hands its samples over. */
async function capture(begun) {
  const module = URL.createObjectURL(new Blob([byId("worklet").textContent], { type: "text/javascript" }));
  const connect = async (options) => {
    begun.context = new AudioContext(options);
    await begun.context.audioWorklet.addModule(module);
    const node = new AudioWorkletNode(begun.context, "capture", { numberOfOutputs: 0 });
    begun.context.createMediaStreamSource(begun.media).connect(node);
    await begun.context.resume();
    return node;
  };
  try {
    return await connect({ sampleRate: RATE });
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    begun.context.close(); // Firefox takes a microphone at its own rate only
    return await connect({});
  } finally {
    URL.revokeObjectURL(module);
  }
}

function stopMicrophone(why) {
  const ending = microphone;
  microphone = null;
  ending?.media?.getTracks().forEach((track) => track.stop());
  ending?.context?.close();
  ending?.socket?.close(1000);
  showMicrophone();
  notice(why);
}

function showMicrophone() {
  const on = microphone !== null;
  byId("microphone").setAttribute("aria-pressed", String(on));
  byId("microphone").querySelector(".name").textContent = on ? "Stop the microphone" : "Use this microphone";
}

function connectMicrophone() {
  byId("microphone").addEventListener("click", () => (microphone ? stopMicrophone("The microphone is off.") : startMicrophone()));
}
