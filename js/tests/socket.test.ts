import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PageMessage } from "../src/comm/messages.js";
import { createSocket, type SocketMessage } from "../src/socket.js";

const SECRET = "ek_0123456789";
const URL_ = "wss://voice.example/v1/realtime?model=m";

class FakeWebSocket {
  static readonly OPEN = 1;
  readyState = 0;
  binaryType = "blob";
  sent: string[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(event: unknown): void {
    this.onmessage?.({ data: typeof event === "string" ? event : JSON.stringify(event) });
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
}

function setUp(refuse?: Error) {
  const sent: { message: PageMessage; bytes: Uint8Array | null }[] = [];
  const made: FakeWebSocket[] = [];
  const heard: unknown[][] = [];
  const interrupted = vi.fn();
  const socket = createSocket(
    {
      send: (message, buffer) => void sent.push({ message, bytes: buffer ? new Uint8Array(buffer) : null }),
      audio: (item, index, start, pcm) => void heard.push([item, index, start, [...pcm]]),
      done: (item, index) => void heard.push([item, index, "done"]),
      onSpeech: interrupted,
      onChanged: () => undefined,
    },
    (url, protocols) => {
      if (refuse) throw refuse;
      const ws = new FakeWebSocket(url, protocols);
      made.push(ws);
      return ws as unknown as WebSocket;
    },
  );
  let seq = 0;
  const down = (kind: string, fields: object = {}, bytes?: Uint8Array) =>
    socket.receive({
      seq: ++seq,
      kind,
      socket: 1,
      pcm: bytes ? new DataView(bytes.buffer) : null,
      ...fields,
    } as unknown as SocketMessage);
  const open = (fields: object = {}) => {
    down("socket.open", { url: URL_, secret: SECRET, ...fields });
    made.at(-1)?.open();
    return made.at(-1) as FakeWebSocket;
  };
  const reported = () => sent.map(({ message }) => message);
  return { socket, sent, made, heard, interrupted, down, open, reported };
}

const pcm = (...samples: number[]) => Int16Array.from(samples);
const base64 = (samples: Int16Array) => btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
const delta = (
  response: string,
  item: string,
  samples: Int16Array,
  type = "response.output_audio.delta",
) => ({
  type,
  response_id: response,
  item_id: item,
  content_index: 0,
  delta: base64(samples),
});

describe("the page's socket", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeWebSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("opens with the client secret as a subprotocol, and reports it", () => {
    const { open, reported } = setUp();
    expect(open().protocols).toEqual(["realtime", `openai-insecure-api-key.${SECRET}`]);
    expect(reported()).toEqual([{ kind: "socket.opened", socket: 1 }]);
  });

  it("refuses to open with a standard key", () => {
    const { down, made, reported } = setUp();
    down("socket.open", { url: URL_, secret: "sk-standard" });
    expect(made).toEqual([]);
    expect(reported()).toMatchObject([{ kind: "socket.closed", socket: 1, code: 1006 }]);
    expect(JSON.stringify(reported())).not.toContain("sk-standard");
  });

  it("reports why the browser refuses, without the secret", () => {
    const { down, reported } = setUp(new Error(`insecure connection with ${SECRET}`));
    down("socket.open", { url: URL_, secret: SECRET });
    expect(reported()).toMatchObject([
      { kind: "socket.closed", reason: expect.stringContaining("insecure") },
    ]);
    expect(JSON.stringify(reported())).not.toContain(SECRET);
  });

  it("reports a failed connection, and gives up an address that does not answer", () => {
    const { down, made, reported } = setUp();
    down("socket.open", { url: URL_, secret: SECRET });
    made[0]?.onclose?.({ code: 1006, reason: "" });
    expect(reported().at(-1)).toMatchObject({
      reason: expect.stringContaining("could not connect to voice.example"),
    });
    down("socket.open", { url: URL_, secret: SECRET, socket: 2 });
    vi.advanceTimersByTime(5000);
    expect(reported().at(-1)).toMatchObject({ socket: 2, reason: expect.stringContaining("did not answer") });
    expect(made[1]?.closed).toBe(true);
  });

  it("mirrors every frame unchanged, a long one in numbered parts", () => {
    const { open, sent } = setUp();
    const ws = open();
    const long = JSON.stringify({ type: "x", text: "é".repeat(300_000) });
    ws.say(long);
    ws.say('{"type": "y"}');
    const frames = sent.slice(1);
    expect(frames.map(({ message }) => message)).toMatchObject([
      { kind: "socket.frame", socket: 1, part: 0, last: false },
      { part: 1, last: true },
      { part: 2, last: true },
    ]);
    expect(frames.every(({ bytes }) => bytes && bytes.length <= 512 * 1024)).toBe(true);
    const bytes = frames.slice(0, 2).flatMap(({ bytes }) => [...(bytes ?? [])]);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(long);
  });

  it("plays sound at its position in the item, in either spelling of the event, and reports its end", () => {
    const { open, heard } = setUp();
    const ws = open();
    ws.say(delta("r", "a", pcm(1, -2)));
    ws.say(delta("r", "a", pcm(3), "response.audio.delta"));
    ws.say({ type: "response.output_audio.done", response_id: "r", item_id: "a", content_index: 0 });
    expect(heard).toEqual([
      ["a", 0, 0, [1, -2]],
      ["a", 0, 2, [3]],
      ["a", 0, "done"],
    ]);
  });

  it("on speech, stops playback, drops earlier responses and plays later ones", () => {
    const { open, heard, interrupted } = setUp();
    const ws = open();
    ws.say({ type: "response.created", response: { id: "old", conversation_id: "c" } });
    ws.say(delta("old", "a", pcm(1)));
    ws.say({ type: "input_audio_buffer.speech_started" });
    expect(interrupted).toHaveBeenCalledOnce();
    ws.say(delta("old", "a", pcm(2)));
    ws.say({ type: "response.created", response: { id: "new", conversation_id: "c" } });
    ws.say(delta("new", "b", pcm(3)));
    expect(heard.map(([item]) => item)).toEqual(["a", "b"]);
  });

  it("goes on playing where the session says that speech does not interrupt", () => {
    const { open, heard, interrupted } = setUp();
    const ws = open();
    const turn_detection = { type: "server_vad", interrupt_response: false };
    ws.say({ type: "session.updated", session: { audio: { input: { turn_detection } } } });
    ws.say({ type: "input_audio_buffer.speech_started" });
    ws.say(delta("r", "a", pcm(1)));
    expect(interrupted).not.toHaveBeenCalled();
    expect(heard).toHaveLength(1);
  });

  it("does not play out-of-band responses", () => {
    const { open, heard } = setUp();
    const ws = open();
    ws.say({ type: "response.created", response: { id: "aside", conversation_id: null } });
    ws.say(delta("aside", "a", pcm(1)));
    expect(heard).toEqual([]);
  });

  it("survives malformed frames, and mirrors them too", () => {
    const { open, reported, heard } = setUp();
    const ws = open();
    for (const frame of ["¿que?", "null", "[]", '{"type":"response.output_audio.delta","delta":"?"}'])
      ws.say(frame);
    expect(reported()).toHaveLength(5);
    expect(heard).toEqual([]);
  });

  it("sends the microphone once the kernel lets it in, from the first frame that the kernel did not get", () => {
    const { socket, open, down } = setUp();
    const ws = open();
    socket.onMicrophoneOpened(false);
    for (const frame of [0, 1, 2]) expect(socket.sendMicrophone(frame, pcm(frame))).toBe(false);
    down("socket.hold", { on: false, since: 1 });
    expect(socket.sendMicrophone(3, pcm(3))).toBe(true);
    const audio = (n: number) => `{"type":"input_audio_buffer.append","audio":"${base64(pcm(n))}"}`;
    expect(ws.sent).toEqual([audio(1), audio(2), audio(3)]);
  });

  it("holds the microphone back while recorded sound is sent", () => {
    const { socket, open, down } = setUp();
    const ws = open();
    down("socket.hold", { on: false, since: 0 });
    down("socket.hold", { on: true, since: 0 });
    down("socket.send", { part: 0, last: true }, new TextEncoder().encode('{"type":"a"}'));
    expect(socket.sendMicrophone(0, pcm(1))).toBe(false);
    down("socket.hold", { on: false, since: 1 });
    expect(ws.sent).toEqual(['{"type":"a"}']);
  });

  it("clears the input buffer itself when push to talk begins", () => {
    const { socket, open, down } = setUp();
    const ws = open();
    socket.onMicrophoneOpened(true);
    expect(ws.sent).toEqual([]);
    down("socket.hold", { on: false, since: 0 });
    socket.onMicrophoneOpened(false);
    socket.onMicrophoneOpened(true);
    expect(ws.sent).toEqual(['{"type":"input_audio_buffer.clear"}']);
  });

  it("joins the parts of the kernel's frames, also when cut inside a character", () => {
    const { open, down } = setUp();
    const ws = open();
    const bytes = new TextEncoder().encode('{"é":"𝄞"}');
    down("socket.send", { part: 0, last: false }, bytes.slice(0, 3));
    down("socket.send", { part: 1, last: true }, bytes.slice(3));
    expect(ws.sent).toEqual(['{"é":"𝄞"}']);
  });

  it("closes with a reason when a part of the kernel's frame is missing", () => {
    const { open, down, reported } = setUp();
    const ws = open();
    down("socket.send", { part: 1, last: true }, new Uint8Array([123]));
    expect(ws.closed).toBe(true);
    expect(reported().at(-1)).toMatchObject({
      kind: "socket.closed",
      code: 1006,
      reason: expect.stringContaining("lost"),
    });
  });

  it("ignores messages for sockets that it does not have", () => {
    const { open, down, reported, socket } = setUp();
    const ws = open();
    down("socket.close", { socket: 7 });
    down("socket.send", { socket: 7, part: 0, last: true }, new Uint8Array([123]));
    expect(socket.open).toBe(true);
    expect(ws.sent).toEqual([]);
    down("socket.close");
    expect(socket.open).toBe(false);
    expect(reported().at(-1)).toMatchObject({ kind: "socket.closed", socket: 1 });
    ws.say('{"type":"late"}');
    expect(reported()).toHaveLength(2);
  });
});
