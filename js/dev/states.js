/**
 * The states in which the dev page shows the card, each as a function that brings a fresh card there.
 *
 * A state may have: `traits` (synced traits at the start), `sound` (options of fake-sound.js), `earlier` (turns
 * that the kernel did not send), `silent` (no kernel ever answers), `page` ("rtl": the whole page reads from right
 * to left), `fast` (timers run 50 times as fast), and `act`, which gets the kernel, the model and helpers that press
 * what a user would press.
 */

import { tone, turn } from "./fake-model.js";

const HOSTED = {
  backend: "openai",
  label: "OpenAI",
  notice: null,
  model: "gpt-realtime-2.1",
  voices: ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"],
  cost_usd: 0.0312,
  voice: "marin",
  vad: "semantic VAD",
  transport: "kernel",
  transport_notice: null,
};
const LATENCY = {
  speech_end_to_committed: 310,
  committed_to_response: 35,
  response_to_first_audio: 210,
  first_audio_to_played: 57,
  total: 612,
};
const LOCAL = {
  ...HOSTED,
  backend: "local",
  label: "local models (qwen3:4b, whisper base.en, piper joe)",
  model: "qwen3:4b",
  cost_usd: null,
  whereabouts:
    "Beyond this computer: transcripts go to chat.example.com, the answers' text goes to voice.example.com:8000.",
  progress: "Downloading piper joe: 12 of 63 MB, once.",
};
const COMMANDS_ONLY = {
  ...LOCAL,
  label: "local models (qwen3:4b, commands, espeak)",
  hearing: "Only commands are recognised; for free speech: pip install 'realtime-nb[whisper]'. Typing works.",
  whereabouts: null,
  progress: null,
};
const CONVERSATION = [
  turn("u1", "user", "What is the boiling point of water on Mount Everest?", { audio_ms: 2860 }),
  turn(
    "a1",
    "assistant",
    "About 71 °C at the summit, because the air pressure there is a third of that at sea level.",
  ),
  turn("u2", "user", "And in the Dead Sea region?", { audio_ms: 1420 }),
  turn("a2", "assistant", "About 101 °C: it lies 430 metres below sea level.", { total_ms: 548 }),
];
const QUESTION = turn("u3", "user", "How much slower does pasta cook up there?", { audio_ms: 1900 });

/** A settled conversation, one turn after the other. */
function converse(kernel, turns = CONVERSATION) {
  for (const [index, each] of turns.entries())
    kernel.down("turn", { turn: each, after: turns[index - 1]?.item_id ?? null });
}

/** One side of a turn that was asked again. */
function side(name, state) {
  const done = state === "done";
  return {
    id: `retake_${name}`,
    name:
      name === "A"
        ? "the same settings"
        : "You are a patient teacher: give the reason first, then the number.",
    changes: name === "A" ? [] : [{ name: "instructions", value: "You are a patient teacher." }],
    state,
    heard: done ? "what is the boiling point of water on mount everest" : "",
    text: !done
      ? ""
      : name === "A"
        ? "About 71 °C."
        : "The air presses less up there, so water boils at about 71 °C.",
    error: state === "failed" ? "the response failed: rate_limit_exceeded: try again in 2 s" : null,
    has_audio: done,
    audio_ms: done ? 1900 : null,
    latency: {
      speech_end_to_committed: done ? 310 : null,
      committed_to_response: done ? 30 : null,
      response_to_first_audio: done ? 280 : null,
      total: done ? 620 : null,
    },
    cost_usd: done ? 0.0042 : null,
    tool_calls: [],
  };
}

const experiment = (id, sides) => ({
  experiment: id,
  item_id: "u1",
  label: "What is the boiling point of water on M…",
  sides: sides.map((each, index) => ({ ...each, id: `${id}_${index}` })),
});

const speak = (kernel, itemId, ms) =>
  kernel.down("audio", { epoch: 0, item_id: itemId, content_index: 0, start: 0 }, tone(ms).buffer);

const hosted = (status, more = {}) => ({ status, _info: HOSTED, _latency: LATENCY, ...more });

export const STATES = {
  idle: {},

  "push to talk": { traits: { turn_detection: null } },

  connecting: { traits: { status: "connecting" } },

  "opening the microphone": {
    traits: hosted("listening"),
    sound: { permission: "pending" },
    act: ({ press }) => press("Talk"),
  },

  listening: {
    traits: hosted("listening"),
    sound: { loudness: 0.002 },
    async act({ kernel, press }) {
      converse(kernel);
      await press("Talk");
    },
  },

  hearing: {
    traits: hosted("hearing"),
    async act({ kernel, press }) {
      converse(kernel);
      const live = turn("u3", "user", "How much slower does", {
        status: "in_progress",
        has_audio: false,
        audio_ms: null,
      });
      kernel.down("live", { turn: live, after: "a2" });
      await press("Talk");
    },
  },

  muted: {
    traits: hosted("listening", { muted: true }),
    async act({ kernel, press }) {
      converse(kernel);
      await press("Talk");
    },
  },

  thinking: {
    traits: hosted("thinking"),
    act({ kernel }) {
      converse(kernel, [...CONVERSATION, QUESTION]);
      const live = turn("a3", "assistant", "", { status: "in_progress", has_audio: false, total_ms: null });
      kernel.down("live", { turn: live, after: "u3" });
    },
  },

  speaking: {
    traits: hosted("speaking"),
    async act({ kernel, press }) {
      converse(kernel, [...CONVERSATION, QUESTION]);
      await press("Talk");
      const live = turn("a3", "assistant", "At 71 °C starch gels so slowly that", {
        status: "in_progress",
        total_ms: null,
      });
      kernel.down("live", { turn: live, after: "u3" });
      speak(kernel, "a3", 60_000);
    },
  },

  "interrupted turns": {
    traits: hosted("listening"),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", "Count to twenty."),
        turn(
          "a1",
          "assistant",
          "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve.",
          {
            status: "interrupted",
            heard: 23,
            note: "interrupted by your speech",
          },
        ),
        turn("u2", "user", "Stop! Tell me a story instead."),
        turn("a2", "assistant", "Once upon a time there was a very long story that no part of was heard.", {
          status: "interrupted",
          heard: 0,
          note: "stopped by you",
          total_ms: null,
        }),
      ]),
  },

  "failed turns": {
    traits: hosted("listening", {
      error: "The answer failed. The service says: rate limit reached. Wait 20 s, then ask again.",
    }),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", "", { status: "failed", note: "could not be transcribed" }),
        turn("a1", "assistant", "", {
          status: "failed",
          note: "rate limit reached",
          has_audio: false,
          total_ms: null,
        }),
        turn("u2", "user", "Once more, please."),
        turn("a3", "assistant", "", {
          status: "failed",
          note: "failed: The chat server http://127.0.0.1:11434/v1 cannot be reached: connection refused. Start the server (for example: ollama serve), or correct chat_url.",
          has_audio: false,
          total_ms: null,
        }),
        turn("a2", "assistant", "Half of an answer that", { status: "failed", note: null, total_ms: 480 }),
      ]),
  },

  "menu of a turn": {
    traits: hosted("listening"),
    async act({ kernel, press }) {
      converse(kernel, [{ ...CONVERSATION[0], kept: true }, ...CONVERSATION.slice(1)]);
      await press("More about this turn");
    },
  },

  "asking again": {
    traits: hosted("listening", { instructions: "Be brief." }),
    async act({ kernel, press }) {
      converse(kernel);
      await press("More about this turn");
      await press("Ask again…");
    },
  },

  "two instructions": {
    traits: hosted("listening", { instructions: "Be brief." }),
    async act({ kernel, press }) {
      converse(kernel);
      await press("More about this turn");
      await press("Compare instructions…");
    },
  },

  "asked again": {
    traits: hosted("listening", { instructions: "Be brief." }),
    act({ kernel }) {
      converse(kernel);
      kernel.down("experiment", experiment("experiment_1", [side("A", "failed")]));
      kernel.down("experiment", experiment("experiment_2", [side("A", "done"), side("B", "asking")]));
      kernel.down("experiment", experiment("experiment_3", [side("A", "done"), side("B", "done")]));
    },
  },

  "tool calls": {
    traits: hosted("thinking"),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", "Set the slider to 25 and tell me the weather in Bern."),
        turn("a1", "assistant", "", {
          has_audio: false,
          total_ms: null,
          tool_calls: [
            {
              name: "set_slider",
              arguments: '{"value": 25}',
              status: "completed",
              output: "ok",
            },
            {
              name: "get_weather",
              arguments: '{"city": "Bern", "days": 2}',
              status: "failed",
              output: "ConnectionError: no network",
            },
            {
              name: "search_the_whole_archive_of_everything",
              arguments: `{"query": "${"weather ".repeat(30)}"}`,
              status: "in_progress",
              output: null,
            },
          ],
        }),
        turn("a2", "assistant", "The slider is at 25. The weather service cannot be reached.", {
          tool_calls: [{ name: "note", arguments: "{}", status: "completed", output: null }],
        }),
      ]),
  },

  "local models": {
    traits: hosted("thinking", {
      _info: LOCAL,
      error:
        "whisper base.en could not be downloaded from https://huggingface.co/Systran/faster-whisper-base.en/resolve/main/model.bin (HTTP 503). With a model on this machine: stt='whisper:/path/to/folder'; without one: stt='commands'.",
    }),
    act: ({ kernel }) => converse(kernel),
  },

  "local models at the start": { traits: { _info: LOCAL } },
  "local models that hear commands only": {
    traits: hosted("listening", { _info: COMMANDS_ONLY }),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", "", { audio_ms: 2100 }),
        turn("a1", "assistant", "I did not catch that. Please say it again."),
      ]),
  },

  "long words": {
    traits: hosted("listening", {
      _info: {
        ...HOSTED,
        model: "a-deployment-with-a-name-of-more-than-sixty-characters-in-the-far-north-of-europe",
        voice: "voice_0123456789abcdef0123456789abcdef",
      },
      error: `No connection. wss://${"a-very-long-host-name.".repeat(6)}example/v1/realtime answered 404. Check the address.`,
    }),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", `Read https://example.org/${"path/".repeat(40)} aloud`, { audio_ms: 128_000 }),
        turn("a1", "assistant", `Donaudampfschifffahrt${"sgesellschaftskapitän".repeat(12)} ends here.`, {
          total_ms: 12_345,
        }),
        turn("u2", "user", "Tell me everything."),
        turn("a2", "assistant", "A long answer, sentence after sentence. ".repeat(100)),
      ]),
  },

  "right to left": {
    traits: hosted("listening", { instructions: "ענה בקצרה." }),
    act: ({ kernel }) =>
      converse(kernel, [
        turn("u1", "user", "מה השעה עכשיו בתל אביב?"),
        turn("a1", "assistant", "השעה 10:30 בבוקר, לפי שעון UTC+2."),
        turn("u2", "user", "ما هي درجة غليان الماء؟ (100 °C?)"),
        turn("a2", "assistant", "نعم، مئة درجة مئوية عند مستوى سطح البحر، وأقل من ذلك في الجبال.", {
          status: "interrupted",
          heard: 20,
          note: "stopped by you",
        }),
        turn("u3", "user", "And in English again: שלום means hello."),
      ]),
  },

  "right to left page": {
    page: "rtl",
    traits: hosted("listening", { error: "No connection. The service answered 404. Check the address." }),
    act: ({ kernel }) => converse(kernel),
  },

  reconnecting: {
    traits: hosted("reconnecting"),
    act: ({ kernel }) => converse(kernel),
  },

  error: {
    traits: hosted("error", {
      error:
        "The key was refused. api.openai.com answered 401 (invalid_api_key). Check OPENAI_API_KEY in the kernel's environment, restart the kernel after changing it, or pass api_key= to RealtimeWidget. To go on without a key, use backend='local'.",
    }),
    act: ({ kernel }) => converse(kernel),
  },

  closed: {
    traits: hosted("closed", {
      error: "The session is closed. It ended after 60 minutes, the longest that the service allows.",
    }),
    act: ({ kernel }) => converse(kernel),
  },

  parked: {
    traits: hosted("idle", {
      _info: {
        ...HOSTED,
        parked:
          "The session is parked. Nothing used it for 30 minutes. It continues when you talk, type or ask.",
      },
    }),
    act: ({ kernel }) => converse(kernel),
  },

  "no kernel": { traits: hosted("idle"), silent: true, fast: true },

  "kernel gone": {
    traits: hosted("listening"),
    act({ kernel }) {
      converse(kernel);
      kernel.answering = false;
      kernel.trigger("comm_live_update");
    },
  },

  "kernel quiet": {
    traits: hosted("listening"),
    fast: true,
    async act({ kernel, sleep }) {
      converse(kernel);
      kernel.answering = false;
      await sleep(300);
    },
  },

  "answer waits for a gesture": {
    traits: hosted("listening"),
    act({ kernel }) {
      converse(kernel);
      speak(kernel, "a2", 3000);
    },
  },

  "sound in another window": {
    traits: hosted("listening"),
    act({ kernel }) {
      converse(kernel);
      kernel.down("lease", { page: "p-other" });
    },
  },

  "microphone denied": {
    sound: { permission: "denied" },
    act: ({ press }) => press("Talk"),
  },

  "setting refused": {
    traits: hosted("listening"),
    act({ kernel }) {
      converse(kernel);
      kernel.down("refused", {
        what: "voice",
        why: "The voice cannot change after the assistant has spoken. w.reset() begins a new conversation with voice 'cedar'.",
      });
    },
  },

  "sound through the kernel": {
    traits: hosted("listening", {
      _info: {
        ...HOSTED,
        transport_notice: "transport='browser' needs client secrets, which a wss:// URL of your own has not.",
      },
    }),
  },

  "all banners": {
    traits: hosted("error", {
      error:
        "The connection was lost. It could not be opened again after 6 attempts: the host name does not resolve.",
      _info: {
        ...HOSTED,
        transport_notice: "The page could not connect to api.openai.com: a policy forbids it.",
      },
    }),
    sound: { permission: "denied" },
    async act({ kernel, press }) {
      converse(kernel);
      await press("Talk");
      kernel.down("lease", { page: "p-other" });
    },
  },

  settings: {
    traits: hosted("listening", { speed: 1.25 }),
    act: ({ press }) => press("Settings"),
  },

  events: {
    traits: hosted("listening", {
      _health: [
        "microphone frames that did not reach the kernel: 2",
        "times the page played silence because the sound of an answer came late: 3",
      ],
    }),
    async act({ kernel, press }) {
      converse(kernel);
      await press("Events");
      const event = (direction, type, summary = "") => kernel.down("event", { direction, type, summary });
      event("client", "session.update", "instructions, voice");
      event("server", "session.updated", "gpt-realtime-2.1");
      event("client", "input_audio_buffer.append", "1920 bytes");
      event("server", "input_audio_buffer.speech_started", "at 1240 ms");
      for (let n = 0; n < 14; n++) event("server", "response.output_audio.delta", `${4800 * (n + 1)} bytes`);
      event(
        "server",
        "conversation.item.input_audio_transcription.completed",
        "How much slower does pasta cook?",
      );
      event("server", "response.done", "completed, 312 tokens");
    },
  },

  "empty events": { traits: hosted("listening"), act: ({ press }) => press("Events") },

  replaying: {
    traits: hosted("idle"),
    async act({ kernel, press }) {
      converse(kernel);
      await press("Hear again");
      kernel.down("clip", { to: kernel.page, item_id: "u1", rate: 24_000 }, tone(30_000).buffer);
    },
  },

  "many turns": {
    traits: hosted("listening"),
    earlier: 50,
    act: ({ kernel }) =>
      converse(
        kernel,
        Array.from({ length: 230 }, (_, n) =>
          turn(`t${n}`, n % 2 ? "assistant" : "user", `Turn number ${n + 51}.`),
        ),
      ),
  },

  "without controls": {
    traits: hosted("speaking", { controls: false }),
    act: ({ kernel }) => converse(kernel),
  },
};
