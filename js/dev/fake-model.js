/**
 * Fakes an anywidget model and its kernel, which answers hello, heartbeats and claims of the sound.
 *
 * For looking at the card in a browser without a notebook.
 */

export function createFakeModel(traits = {}) {
  const state = {
    status: "idle",
    muted: false,
    error: null,
    controls: true,
    instructions: "Be brief.",
    voice: "marin",
    speed: null,
    turn_detection: "semantic_vad",
    _microphone: { echo_cancellation: false, noise_suppression: false, auto_gain_control: false },
    _info: {
      backend: "local",
      label: "local practice backend",
      notice: "It understands short commands and answers by rules, with a synthetic voice.",
      model: "practice",
      voices: ["marin", "cedar", "alloy"],
      cost_usd: null,
      whereabouts: null,
      hearing: null,
      progress: null,
      voice: "",
      vad: "",
      transport: "kernel",
      transport_notice: null,
    },
    _latency: {},
    _health: [],
    _branches: [],
    ...traits,
  };
  const handlers = new Map();
  const sent = [];
  const last = { state: 0, sound: 0 };
  let lease = null;

  const emit = (event, ...args) => {
    for (const handler of [...(handlers.get(event) ?? [])]) handler(...args);
  };

  const model = {
    get: (key) => state[key],
    set(key, value) {
      state[key] = value;
      emit(`change:${key}`, model, value);
    },
    save_changes() {},
    send(content, _callbacks, buffers) {
      sent.push({ content, buffer: buffers?.[0] ?? null, at: performance.now() });
      queueMicrotask(() => answer(content));
    },
    on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off: (event, handler) =>
      handlers.set(
        event,
        (handlers.get(event) ?? []).filter((each) => each !== handler),
      ),
  };

  const kernel = {
    sent,
    page: null,
    turns: [],
    live: [],
    earlier: 0,
    answering: true,
    /** Sends one message down, numbered. */
    down(kind, fields = {}, buffer = null) {
      const seq = ++last[/^(audio|lease)/.test(kind) ? "sound" : "state"];
      emit("msg:custom", { v: 1, seq, kind, ...fields }, buffer ? [new DataView(buffer)] : []);
    },
    skip: () => (last.state += 1),
    of: (kind) => sent.filter((message) => message.content.kind === kind),
    trigger: emit,
  };

  function answer(content) {
    if (!kernel.answering) return;
    if (content.kind === "hello") {
      kernel.page = content.page;
      kernel.down("snapshot", {
        to: content.page,
        epoch: 0,
        lease,
        turns: kernel.turns,
        live: kernel.live,
        earlier: kernel.earlier,
        sound: last.sound,
      });
    }
    if (content.kind === "heartbeat")
      kernel.down("heartbeat", {
        to: content.page,
        sound: last.sound,
        got: content.seq,
        got_sound: content.sound,
      });
    if (content.kind === "lease") {
      lease = content.page;
      kernel.down("lease", { page: lease });
    }
  }
  return { model, kernel };
}

export function turn(itemId, role, text, more = {}) {
  return {
    item_id: itemId,
    revision: 1,
    role,
    text,
    heard: null,
    status: "completed",
    note: null,
    has_audio: true,
    total_ms: role === "assistant" ? 612 : null,
    audio_ms: 1200,
    tool_calls: [],
    kept: false,
    ...more,
  };
}

/** `ms` of a tone with the loudness of speech, as PCM16 at 24 kHz. */
export function tone(ms, hz = 220) {
  const pcm = new Int16Array(24 * ms);
  for (let i = 0; i < pcm.length; i++) {
    const envelope = 0.5 + 0.5 * Math.sin(i / 1900) * Math.sin(i / 5300);
    pcm[i] = Math.round(9000 * envelope * Math.sin((2 * Math.PI * hz * i) / 24000));
  }
  return pcm;
}
