/**
 * The page's own socket to the service, and the two short cuts: sound from it to the speaker, the
 * microphone to it. Neither waits for the kernel, which is sent every frame and runs the conversation.
 *
 * Opened with a client secret and nothing else: a standard key is refused here too. Knows frames as
 * far as sound and interruption need it; knows neither the DOM nor the comm's envelope.
 *
 * Interruption: the page hears `speech_started` first and falls silent by itself, raising its epoch;
 * what comes later of any response begun before that is dropped here, by its id. The kernel, when it
 * comes to the same frame, only keeps account (notebook/speaker.py has the invariants).
 */

import type { KernelMessage, PageMessage } from "./comm/messages.js";

export interface SocketHost {
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  audio(itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  done(itemId: string, contentIndex: number): void;
  /** Somebody began to speak: silence, now, and the report of it. */
  interrupted(): void;
  changed(): void;
}

export interface PageSocket {
  /** The socket is open: sound does not need the kernel. */
  readonly open: boolean;
  receive(message: SocketMessage): void;
  /** A frame of the microphone; whether it went out here. */
  microphone(frame: number, pcm: Int16Array): boolean;
  /** The microphone opens; with push to talk, what is in the buffer is not part of the turn. */
  listening(pushToTalk: boolean): void;
  /** Something fell silent here: what is still on its way of the responses so far is not wanted. */
  silenced(): void;
  close(reason: string): void;
}

export type SocketMessage = Extract<KernelMessage, { kind: `socket.${string}` }>;

/** Comm messages of more than 1 MiB are trouble; see notebook.md. */
const PART_BYTES = 512 * 1024;
const OPEN_PATIENCE_MS = 5000;
/** 10 s of frames that may have been captured while the kernel decided to let them in. */
const KEPT_FRAMES = 250;
const KEPT_RESPONSES = 64;
const BROKEN = 1006;

interface Line {
  number: number;
  ws: WebSocket;
  open: boolean;
  held: boolean;
  sentParts: number;
  receivedParts: number;
  parts: Uint8Array[];
  /** Whether speech interrupts, as the server's configuration says. */
  interrupts: boolean;
  responses: Map<string, "begun" | "dead">;
  samples: Map<string, number>;
}

export function createSocket(
  host: SocketHost,
  connect: (url: string, protocols: string[]) => WebSocket = (url, protocols) =>
    new WebSocket(url, protocols),
): PageSocket {
  /** The one in use, and for a moment one that shall take its place. */
  const lines = new Map<number, Line>();
  let kept: { frame: number; pcm: Int16Array }[] = [];

  function openLine(number: number, url: string, secret: string): void {
    for (const idle of [...lines.values()].slice(1)) end(idle, BROKEN, "another connection was opened");
    const refuse = (reason: string) =>
      host.send({ kind: "socket.closed", socket: number, code: BROKEN, reason });
    if (!secret.startsWith("ek_")) {
      refuse("a page opens connections with a client secret (ek_...) only, never with a key");
      return;
    }
    let ws: WebSocket;
    try {
      ws = connect(url, ["realtime", `openai-insecure-api-key.${secret}`]);
    } catch (error) {
      // Mixed content, or an address that is none: the browser says which.
      refuse(`the browser does not let this page connect to ${hostOf(url)} (${messageOf(error, secret)})`);
      return;
    }
    ws.binaryType = "arraybuffer";
    const opened: Line = {
      number,
      ws,
      open: false,
      held: true,
      sentParts: 0,
      receivedParts: 0,
      parts: [],
      interrupts: true,
      responses: new Map(),
      samples: new Map(),
    };
    lines.set(number, opened);
    const patience = setTimeout(() => {
      end(opened, BROKEN, `${hostOf(url)} did not answer this page within ${OPEN_PATIENCE_MS / 1000} s`);
    }, OPEN_PATIENCE_MS);
    ws.onopen = () => {
      clearTimeout(patience);
      opened.open = true;
      host.send({ kind: "socket.opened", socket: number });
      host.changed();
    };
    ws.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (lines.get(number) === opened) received(opened, data);
    };
    ws.onclose = ({ code, reason }) => {
      clearTimeout(patience);
      // Why a handshake failed, a browser tells nobody; what it may be, a person wants to hear.
      const why = opened.open ? reason : `this page could not connect to ${hostOf(url)}: ${guess(url)}`;
      end(opened, code, why);
    };
  }

  function end(ended: Line, code: number, reason: string): void {
    if (lines.get(ended.number) !== ended) return;
    lines.delete(ended.number);
    ended.ws.onopen = ended.ws.onmessage = ended.ws.onclose = null;
    ended.ws.close();
    host.send({ kind: "socket.closed", socket: ended.number, code, reason: reason.slice(0, 500) });
    host.changed();
  }

  function close(reason: string): void {
    for (const line of [...lines.values()]) end(line, BROKEN, reason);
  }

  function received(from: Line, data: string | ArrayBuffer): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    // What the page does about a frame it does first, but the kernel must find the frame before the page's
    // report about it: what is played here says so in later messages.
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const part = bytes.slice(at, at + PART_BYTES);
      const last = at + PART_BYTES >= bytes.length;
      host.send({ kind: "socket.frame", socket: from.number, part: from.sentParts++, last }, part.buffer);
    }
    shortCut(from, typeof data === "string" ? data : new TextDecoder().decode(data));
  }

  function shortCut(from: Line, text: string): void {
    let event: Record<string, unknown>;
    try {
      event = record(JSON.parse(text));
    } catch {
      return;
    }
    const response = typeof event.response_id === "string" ? event.response_id : "";
    switch (event.type) {
      case "session.created":
      case "session.updated":
        from.interrupts = interrupts(event.session);
        break;
      case "response.created": {
        const { id, conversation_id: conversation } = record(event.response);
        // One that is not part of the conversation is not spoken either.
        if (typeof id === "string") remember(from, id, conversation === null ? "dead" : "begun");
        break;
      }
      case "input_audio_buffer.speech_started":
        if (!from.interrupts) break;
        silenced();
        host.interrupted();
        break;
      case "response.output_audio.delta":
      case "response.audio.delta":
        if (from.responses.get(response) !== "dead") play(from, event);
        break;
      case "response.output_audio.done":
      case "response.audio.done":
        if (from.responses.get(response) !== "dead") host.done(String(event.item_id), index(event));
    }
  }

  function play(from: Line, event: Record<string, unknown>): void {
    const pcm = decodePcm(event.delta);
    if (!pcm) return;
    const key = `${event.item_id} ${index(event)}`;
    const start = from.samples.get(key) ?? 0;
    from.samples.set(key, start + pcm.length);
    host.audio(String(event.item_id), index(event), start, pcm);
  }

  function silenced(): void {
    for (const line of lines.values()) for (const id of line.responses.keys()) line.responses.set(id, "dead");
  }

  function sendParts(message: Extract<SocketMessage, { kind: "socket.send" }>, to: Line): void {
    if (message.part !== to.receivedParts || !message.pcm) {
      end(to, BROKEN, "messages with frames were lost between the kernel and the page");
      return;
    }
    to.receivedParts += 1;
    const { buffer, byteOffset, byteLength } = message.pcm;
    to.parts.push(new Uint8Array(buffer, byteOffset, byteLength).slice());
    if (!message.last) return;
    const parts = to.parts;
    to.parts = [];
    const decoder = new TextDecoder();
    transmit(to, parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode());
  }

  function transmit(to: Line, text: string): void {
    if (to.ws.readyState === WebSocket.OPEN) to.ws.send(text);
  }

  function append(to: Line, pcm: Int16Array): void {
    transmit(to, `{"type":"input_audio_buffer.append","audio":"${encodePcm(pcm)}"}`);
  }

  function hold(to: Line, on: boolean, since: number): void {
    to.held = on;
    if (on) return;
    // Captured while the kernel's word was on its way; what came before, the kernel has dealt with.
    for (const { frame, pcm } of kept) if (frame >= since) append(to, pcm);
    kept = [];
  }

  /** The line that the microphone is let into. */
  function listener(): Line | undefined {
    return [...lines.values()].find((line) => line.open && !line.held);
  }

  return {
    get open() {
      return [...lines.values()].some((line) => line.open);
    },
    receive(message) {
      if (message.kind === "socket.open") {
        openLine(message.socket, message.url, message.secret);
        return;
      }
      const line = lines.get(message.socket);
      if (!line) return;
      if (message.kind === "socket.send") sendParts(message, line);
      else if (message.kind === "socket.hold") hold(line, message.on, message.since);
      else end(line, BROKEN, "the kernel closed it");
    },
    microphone(frame, pcm) {
      const line = listener();
      if (line) {
        append(line, pcm);
        return true;
      }
      kept.push({ frame, pcm: pcm.slice() });
      if (kept.length > KEPT_FRAMES) kept.shift();
      return false;
    },
    listening(pushToTalk) {
      kept = [];
      // Here and not in the kernel, whose late word would clear what was said since.
      const line = listener();
      if (pushToTalk && line) transmit(line, '{"type":"input_audio_buffer.clear"}');
    },
    silenced,
    close,
  };
}

function remember(line: Line, id: string, state: "begun" | "dead"): void {
  line.responses.set(id, state);
  if (line.responses.size <= KEPT_RESPONSES) return;
  for (const oldest of line.responses.keys()) {
    line.responses.delete(oldest);
    break;
  }
}

/** Speech interrupts unless the configuration says that it does not. */
function interrupts(session: unknown): boolean {
  const detection = record(record(record(record(session).audio).input).turn_detection);
  return detection.interrupt_response !== false;
}

function decodePcm(base64: unknown): Int16Array | null {
  if (typeof base64 !== "string") return null;
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length - (binary.length % 2));
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.length ? new Int16Array(bytes.buffer) : null;
}

function encodePcm(pcm: Int16Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)));
}

function index(event: Record<string, unknown>): number {
  return Number.isSafeInteger(event.content_index) ? (event.content_index as number) : 0;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "that address";
  }
}

function guess(url: string): string {
  const host = hostOf(url).replace(/:\d+$/, "");
  if (/^(localhost|127\.|\[::1\])/.test(host))
    return "that address is on the kernel's machine, which may not be this one";
  return "it may be out of reach from here, or a policy of this site forbids it";
}

function messageOf(error: unknown, secret: string): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(secret, "***");
}
