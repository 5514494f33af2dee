/**
 * Holds the page's own socket to the service: plays its sound at once and sends the microphone straight to it.
 *
 * Neither waits for the kernel, which gets every frame over the comm and runs the conversation. The socket is
 * opened with a client secret; a standard key is refused here too.
 *
 * Barge-in: on `speech_started` the page stops playback itself, raises its epoch, and drops late sound of
 * every response that began before, by response id (docs/protocol.md 33). The kernel, when it gets the same
 * frame, only records the interruption (realtime_nb/notebook/audio/speaker.py states the invariants).
 *
 * Reads wire events only as far as sound and interruption need. Must not know the DOM or the comm's envelope.
 */

import { KEPT_FRAMES } from "./audio/framer.js";
import { type KernelMessage, PART_BYTES, type PageMessage } from "./comm/messages.js";
import { record } from "./json.js";

interface SocketHost {
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  audio(itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  done(itemId: string, contentIndex: number): void;
  /** The user began to speak: playback must stop now and be reported. */
  onSpeech(): void;
  onChanged(): void;
}

interface PageSocket {
  /** True while a socket is open, and sound does not need the kernel. */
  readonly open: boolean;
  receive(message: SocketMessage): void;
  /** Sends a microphone frame and returns true, or keeps it until the kernel lets the microphone in. */
  sendMicrophone(frame: number, pcm: Int16Array): boolean;
  /** The microphone is on. With push to talk, sound in the input buffer from before is cleared. */
  onMicrophoneOpened(pushToTalk: boolean): void;
  /** Playback was stopped: drop the late sound of all responses that have begun. */
  dropResponses(): void;
  close(reason: string): void;
}

export type SocketMessage = Extract<KernelMessage, { kind: `socket.${string}` }>;

const OPEN_TIMEOUT_MS = 5000;
const KEPT_RESPONSES = 64;
/** The close code of a connection that broke, which a browser may not send itself. */
const BROKEN = 1006;

interface Connection {
  number: number;
  ws: WebSocket;
  open: boolean;
  held: boolean;
  sentParts: number;
  receivedParts: number;
  parts: Uint8Array[];
  /** Whether speech interrupts, by the configuration that the server echoed. */
  interrupts: boolean;
  responses: Map<string, "live" | "dead">;
  samples: Map<string, number>;
}

export function createSocket(
  host: SocketHost,
  connect: (url: string, protocols: string[]) => WebSocket = (url, protocols) =>
    new WebSocket(url, protocols),
): PageSocket {
  /** By number: the one in use and, while the kernel renews it, its replacement. */
  const connections = new Map<number, Connection>();
  let kept: { frame: number; pcm: Int16Array }[] = [];

  function openConnection(number: number, url: string, secret: string): void {
    for (const idle of [...connections.values()].slice(1)) end(idle, BROKEN, "another connection was opened");
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
      // Mixed content or an invalid address; the browser's message names the cause.
      refuse(`the browser does not let this page connect to ${hostOf(url)} (${messageOf(error, secret)})`);
      return;
    }
    ws.binaryType = "arraybuffer";
    const opened: Connection = {
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
    connections.set(number, opened);
    const timeout = setTimeout(() => {
      end(opened, BROKEN, `${hostOf(url)} did not answer this page within ${OPEN_TIMEOUT_MS / 1000} s`);
    }, OPEN_TIMEOUT_MS);
    ws.onopen = () => {
      clearTimeout(timeout);
      opened.open = true;
      host.send({ kind: "socket.opened", socket: number });
      host.onChanged();
    };
    ws.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (connections.get(number) === opened) received(opened, data);
    };
    ws.onclose = ({ code, reason }) => {
      clearTimeout(timeout);
      // A browser hides from scripts why a handshake failed: the reason given is the likely one.
      const why = opened.open
        ? reason
        : `this page could not connect to ${hostOf(url)}: ${likelyReason(url)}`;
      end(opened, code, why);
    };
  }

  function end(ended: Connection, code: number, reason: string): void {
    if (connections.get(ended.number) !== ended) return;
    connections.delete(ended.number);
    ended.ws.onopen = ended.ws.onmessage = ended.ws.onclose = null;
    ended.ws.close();
    host.send({ kind: "socket.closed", socket: ended.number, code, reason: reason.slice(0, 500) });
    host.onChanged();
  }

  function close(reason: string): void {
    for (const connection of [...connections.values()]) end(connection, BROKEN, reason);
  }

  function received(from: Connection, data: string | ArrayBuffer): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    // The frame goes to the kernel before it is acted on here: the kernel must get it before the page's
    // reports about the sound in it.
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const part = bytes.slice(at, at + PART_BYTES);
      const last = at + PART_BYTES >= bytes.length;
      host.send({ kind: "socket.frame", socket: from.number, part: from.sentParts++, last }, part.buffer);
    }
    actOn(from, typeof data === "string" ? data : new TextDecoder().decode(data));
  }

  function actOn(from: Connection, text: string): void {
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
        // An out-of-band response is not spoken (docs/protocol.md 21).
        if (typeof id === "string") remember(from, id, conversation === null ? "dead" : "live");
        break;
      }
      case "input_audio_buffer.speech_started":
        if (!from.interrupts) break;
        dropResponses();
        host.onSpeech();
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

  function play(from: Connection, event: Record<string, unknown>): void {
    const pcm = decodePcm(event.delta);
    if (!pcm) return;
    const key = `${event.item_id} ${index(event)}`;
    const start = from.samples.get(key) ?? 0;
    from.samples.set(key, start + pcm.length);
    host.audio(String(event.item_id), index(event), start, pcm);
  }

  function dropResponses(): void {
    for (const connection of connections.values())
      for (const id of connection.responses.keys()) connection.responses.set(id, "dead");
  }

  function sendParts(message: Extract<SocketMessage, { kind: "socket.send" }>, to: Connection): void {
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

  function transmit(to: Connection, text: string): void {
    if (to.ws.readyState === WebSocket.OPEN) to.ws.send(text);
  }

  function append(to: Connection, pcm: Int16Array): void {
    transmit(to, `{"type":"input_audio_buffer.append","audio":"${encodePcm(pcm)}"}`);
  }

  function hold(to: Connection, on: boolean, since: number): void {
    to.held = on;
    if (on) return;
    // Frames captured while the kernel's message was on its way; the kernel has dealt with earlier ones.
    for (const { frame, pcm } of kept) if (frame >= since) append(to, pcm);
    kept = [];
  }

  /** The connection that the kernel lets the microphone into. */
  function microphoneTarget(): Connection | undefined {
    return [...connections.values()].find((connection) => connection.open && !connection.held);
  }

  return {
    get open() {
      return [...connections.values()].some((connection) => connection.open);
    },
    receive(message) {
      if (message.kind === "socket.open") {
        openConnection(message.socket, message.url, message.secret);
        return;
      }
      const connection = connections.get(message.socket);
      if (!connection) return;
      if (message.kind === "socket.send") sendParts(message, connection);
      else if (message.kind === "socket.hold") hold(connection, message.on, message.since);
      else end(connection, BROKEN, "the kernel closed it");
    },
    sendMicrophone(frame, pcm) {
      const connection = microphoneTarget();
      if (connection) {
        append(connection, pcm);
        return true;
      }
      kept.push({ frame, pcm: pcm.slice() });
      if (kept.length > KEPT_FRAMES) kept.shift();
      return false;
    },
    onMicrophoneOpened(pushToTalk) {
      kept = [];
      // The page clears the buffer itself: the kernel's clear would arrive late and delete new speech.
      const connection = microphoneTarget();
      if (pushToTalk && connection) transmit(connection, '{"type":"input_audio_buffer.clear"}');
    },
    dropResponses,
    close,
  };
}

function remember(connection: Connection, id: string, state: "live" | "dead"): void {
  connection.responses.set(id, state);
  if (connection.responses.size <= KEPT_RESPONSES) return;
  for (const oldest of connection.responses.keys()) {
    connection.responses.delete(oldest);
    break;
  }
}

/** True unless the server's configuration says that speech does not interrupt. */
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

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "that address";
  }
}

function likelyReason(url: string): string {
  const host = hostOf(url).replace(/:\d+$/, "");
  if (/^(localhost|127\.|\[::1\])/.test(host))
    return "that address is on the kernel's machine, which may not be this one";
  return "it may be out of reach from here, or a policy of this site forbids it";
}

function messageOf(error: unknown, secret: string): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(secret, "***");
}
