/**
 * Replaces AudioContext, AudioWorkletNode and getUserMedia by silent ones without devices.
 *
 * The real worklets of the bundle run in them, driven by a timer instead of a sound device: the microphone
 * delivers a voice-like tone, playback consumes samples at their rate and makes no sound. So a card can listen
 * and speak without permission, gesture or hardware.
 */

const BLOCK = 128;
const TICK_MS = 20;

/** @param permission "granted", "pending" (the browser still asks) or "denied" */
export function installFakeSound({ permission = "granted", loudness = 0.2 } = {}) {
  const processors = new Map();

  class FakeContext extends EventTarget {
    state = "running";
    destination = {};
    onstatechange = null;
    outputLatency = 0.03;

    constructor({ sampleRate = 48_000 } = {}) {
      super();
      this.sampleRate = sampleRate;
      this.audioWorklet = { addModule: async (url) => evaluate(await (await fetch(url)).text(), this) };
    }
    resume() {
      return Promise.resolve();
    }
    close() {
      this.state = "closed";
      return Promise.resolve();
    }
    createMediaStreamSource() {
      return { connect: () => undefined, disconnect: () => undefined };
    }
  }

  function evaluate(source, context) {
    class AudioWorkletProcessor {
      port = createPort();
    }
    const register = (name, Processor) => processors.set(name, Processor);
    new Function("AudioWorkletProcessor", "registerProcessor", "sampleRate", source)(
      AudioWorkletProcessor,
      register,
      context.sampleRate,
    );
  }

  class FakeNode {
    constructor(context, name) {
      const processor = new (processors.get(name))();
      this.port = createPort();
      this.port.peer = processor.port;
      processor.port.peer = this.port;
      const captures = name === "rtnb-capture";
      let at = 0;
      this.timer = setInterval(() => {
        if (context.state === "closed") clearInterval(this.timer);
        for (let n = 0; n < (context.sampleRate * TICK_MS) / 1000 / BLOCK; n++, at += BLOCK) {
          const block = captures ? voice(at, context.sampleRate, loudness) : new Float32Array(BLOCK);
          processor.process(captures ? [[block]] : [[]], captures ? [] : [[block]]);
        }
      }, TICK_MS);
    }
    connect() {}
    disconnect() {
      clearInterval(this.timer);
    }
  }

  class FakeTrack extends EventTarget {
    label = "Fake microphone";
    readyState = "live";
    muted = false;
    stop() {
      this.readyState = "ended";
    }
  }

  function getUserMedia() {
    if (permission === "pending") return new Promise(() => undefined);
    if (permission === "denied")
      return Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    const tracks = [new FakeTrack()];
    return Promise.resolve({ getTracks: () => tracks, getAudioTracks: () => tracks });
  }

  window.AudioContext = FakeContext;
  window.AudioWorkletNode = FakeNode;
  Object.defineProperty(navigator, "mediaDevices", {
    value: { getUserMedia, enumerateDevices: async () => [] },
  });
}

function createPort() {
  return {
    peer: null,
    onmessage: null,
    postMessage(data) {
      queueMicrotask(() => this.peer?.onmessage?.({ data }));
    },
  };
}

function voice(from, rate, loudness) {
  return Float32Array.from({ length: BLOCK }, (_, i) => {
    const t = (from + i) / rate;
    const envelope =
      Math.max(0, Math.sin(2 * Math.PI * 2.1 * t)) * (0.6 + 0.4 * Math.sin(2 * Math.PI * 0.7 * t));
    return loudness * envelope * Math.sin(2 * Math.PI * 190 * t);
  });
}
