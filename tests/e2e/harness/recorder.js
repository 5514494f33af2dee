// What a page plays and what it records, for a test to read: installed in every page before any other script.
//
// Every node that is connected to a context's destination, and every microphone's node, is connected to a tap worklet
// too, which keeps the exact samples. `addModule` waits for the tap's own module, so no worklet of the page can exist
// before the tap does.
(() => {
  const TAP = `
    registerProcessor("e2e-tap", class extends AudioWorkletProcessor {
      constructor() {
        super();
        this.size = 0;
        this.port.onmessage = ({ data }) => { this.flush(); this.port.postMessage({ token: data.token }); };
      }
      flush() {
        if (!this.size) return;
        const samples = this.buffer.slice(0, this.size);
        this.size = 0;
        this.port.postMessage({ start: this.start, samples }, [samples.buffer]);
      }
      process([input]) {
        const block = input[0];
        if (!block || block.every((x) => x === 0)) { this.flush(); return true; }
        if (!this.size) { this.buffer = new Float32Array(4096); this.start = currentFrame; }
        this.buffer.set(block, this.size);
        this.size += block.length;
        if (this.size === 4096) this.flush();
        return true;
      }
    });`;
  const tapUrl = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
  const connect = AudioNode.prototype.connect;
  const disconnect = AudioNode.prototype.disconnect;
  const addModule = AudioWorklet.prototype.addModule;
  const { resume } = AudioContext.prototype;
  const loaded = new WeakMap();
  const contexts = [];
  const microphones = [];
  const tracks = [];
  const problems = [];

  const load = (worklet) => {
    if (!loaded.has(worklet)) loaded.set(worklet, addModule.call(worklet, tapUrl));
    return loaded.get(worklet);
  };
  AudioWorklet.prototype.addModule = async function (...args) {
    await load(this);
    return addModule.apply(this, args);
  };
  // A page that plays buffers loads no worklet of its own: it has the tap once its context runs.
  AudioContext.prototype.resume = async function () {
    if (this.audioWorklet) await load(this.audioWorklet).catch(() => undefined);
    return resume.call(this);
  };

  const newTap = (context) => {
    const tap = new AudioWorkletNode(context, "e2e-tap", { numberOfInputs: 1, numberOfOutputs: 1 });
    const entry = { context, tap, chunks: [], waiting: new Map() };
    tap.port.onmessage = ({ data }) => {
      if (data.token === undefined) entry.chunks.push(data);
      else entry.waiting.get(data.token)();
    };
    connect.call(tap, context.destination); // silent, but a node that leads nowhere is not pulled
    return entry;
  };

  const record = (context) => {
    let entry = contexts.find((each) => each.context === context);
    if (!entry) {
      entry = newTap(context);
      contexts.push(entry);
    }
    return entry;
  };

  const tapped = (context, node) => {
    try {
      connect.call(node, record(context).tap);
    } catch (error) {
      // A context without worklets of its own (a plain buffer source): the tap's module has to be loaded first, and
      // some milliseconds are not heard. On a page without worklets nothing is heard, and the test gets this error.
      const own = context.audioWorklet;
      if (!own) problems.push(String(error));
      else {
        if (!loaded.has(own)) loaded.set(own, addModule.call(own, tapUrl));
        loaded.get(own).then(() => connect.call(node, record(context).tap), (why) => problems.push(String(why)));
      }
    }
  };

  AudioNode.prototype.connect = function (target, ...rest) {
    const result = connect.call(this, target, ...rest);
    if (target instanceof AudioDestinationNode && target.context instanceof AudioContext) {
      tapped(target.context, this);
    }
    return result;
  };
  AudioNode.prototype.disconnect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const entry = contexts.find((each) => each.context === target.context);
      if (entry) disconnect.call(this, entry.tap);
    }
    return target === undefined ? disconnect.call(this) : disconnect.call(this, target, ...rest);
  };

  const { createMediaStreamSource } = AudioContext.prototype;
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    const source = createMediaStreamSource.call(this, stream);
    if (!loaded.has(this.audioWorklet)) return source; // a page that loads no worklet records nothing sample by sample
    const entry = newTap(this);
    connect.call(source, entry.tap);
    microphones.push(entry);
    return source;
  };

  if (navigator.mediaDevices) {
    const getUserMedia = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
      const stream = await getUserMedia.call(this, constraints);
      for (const track of stream.getTracks()) tracks.push({ track, constraints, at: performance.now() });
      return stream;
    };
  }

  const encode = (chunks) => {
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0) * 2);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const { samples } of chunks) {
      for (const x of samples) {
        view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(x * 32768))), true);
        at += 2;
      }
    }
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  };

  let token = 0;
  // Per tap: its rate and the spans of sound (silent blocks are left out), each with its first frame.
  const kept = (taps) => Promise.all(taps.map(async (entry) => {
    if (entry.context.state === "running") {
      await new Promise((resolve) => {
        token += 1;
        entry.waiting.set(token, resolve);
        entry.tap.port.postMessage({ token });
      });
    }
    return {
      rate: entry.context.sampleRate,
      state: entry.context.state,
      now: entry.context.currentTime,
      chunks: entry.chunks.map(({ start, samples }) => ({ start, length: samples.length })),
      pcm: encode(entry.chunks),
      problems,
    };
  }));

  globalThis.e2e = {
    // What each context sent to the speaker, and what each opened microphone gave to the page.
    played: () => kept(contexts),
    recorded: () => kept(microphones),
    // The context time of the newest sound, for a test that waits for sound to begin or to end.
    lastSound: () => contexts.map(({ context, chunks }) => {
      const last = chunks.at(-1);
      return { now: context.currentTime, end: last ? (last.start + last.samples.length) / context.sampleRate : null };
    }),
    tracks: () => tracks.map(({ track, constraints, at }) => ({
      kind: track.kind, state: track.readyState, enabled: track.enabled, muted: track.muted,
      label: track.label, settings: track.getSettings(), constraints, at,
    })),
  };
})();
