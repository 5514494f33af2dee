/**
 * Declares every comm message of the page and of the kernel, and checks each one.
 *
 * Twin of realtime_nb/notebook/page/messages.py; tests/contract/messages.json keeps the two equal. The
 * caller drops a message that fails a check: a broken kernel must not break the card.
 */

import { MIC_REASONS } from "../audio/errors.js";
import { RATE_HZ } from "../audio/pcm.js";

export const PROTOCOL_VERSION = 1;

type Check<T> = (value: unknown) => value is T;
type Checked<C> = C extends Check<infer T> ? T : never;
type Fields = Record<string, Check<unknown>>;
type Shape<F extends Fields> = { [K in keyof F]: Checked<F[K]> };

const text: Check<string> = (value): value is string => typeof value === "string";
const flag: Check<boolean> = (value): value is boolean => typeof value === "boolean";
const name =
  (limit: number): Check<string> =>
  (value): value is string =>
    typeof value === "string" && value.length > 0 && value.length <= limit;
const integer =
  (least: number): Check<number> =>
  (value): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least;
const number =
  (least: number, most: number): Check<number> =>
  (value): value is number =>
    typeof value === "number" && value >= least && value <= most;
const oneOf =
  <const T extends string>(...options: readonly T[]): Check<T> =>
  (value): value is T =>
    (options as readonly unknown[]).includes(value);
const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value): value is T | null =>
    value === null || check(value);
const listOf =
  <T>(check: Check<T>): Check<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.every(check);
const record =
  <F extends Fields>(fields: F): Check<Shape<F>> =>
  (value): value is Shape<F> =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(fields).every(([key, check]) => check((value as Record<string, unknown>)[key]));

const count = integer(0);
const seq = integer(1);
const itemId = name(512);
const pageId = name(64);
const closeCode: Check<number> = (value): value is number => count(value) && value <= 65_535;
const upTo =
  (limit: number): Check<string> =>
  (value): value is string =>
    typeof value === "string" && value.length <= limit;
/** The only credential a page may open a socket with: a message that holds a standard key fails its check. */
const clientSecret: Check<string> = (value): value is string => name(4000)(value) && value.startsWith("ek_");
const duration = orNull(number(0, Number.MAX_VALUE));

const playedItem = record({ item_id: itemId, content_index: count, played: count });

const toolCall = record({
  name: text,
  arguments: text,
  status: text,
  output: orNull(text),
});
export type ToolCallView = Checked<typeof toolCall>;

const turnView = record({
  item_id: itemId,
  revision: count,
  role: oneOf("user", "assistant", "system"),
  text,
  heard: orNull(count),
  status: oneOf("in_progress", "completed", "interrupted", "failed"),
  note: orNull(text),
  has_audio: flag,
  total_ms: duration,
  audio_ms: duration,
  tool_calls: listOf(toolCall),
});
export type TurnView = Checked<typeof turnView>;

/** The kinds of the page's messages, and a check for each field; the envelope's fields are left out. */
export const PAGE = {
  hello: { version: integer(1) },
  heartbeat: {},
  gap: { from: seq, to: seq },
  bye: {},
  views: { count },
  lease: {},
  "mic.open": {},
  "mic.frame": { frame: count, level: number(0, 1), sent: flag },
  "mic.close": { frames: count },
  "mic.error": { reason: oneOf(...MIC_REASONS), message: text },
  "play.state": {
    epoch: count,
    state: oneOf("idle", "blocked", "playing"),
    items: listOf(playedItem),
    underruns: count,
  },
  "play.stopped": {
    epoch: count,
    items: listOf(playedItem),
    cause: oneOf("flush", "user", "lease", "speech"),
  },
  send: { text: name(200_000) },
  interrupt: {},
  commit: {},
  clip: { item_id: itemId },
  events: { on: flag },
  reset: {},
  retry: {},
  "socket.opened": { socket: seq },
  "socket.frame": { socket: seq, part: count, last: flag },
  "socket.closed": { socket: seq, code: closeCode, reason: upTo(500) },
} satisfies Record<string, Fields>;

/** The kinds of the kernel's messages, and a check for each field; the envelope's fields are left out. */
export const KERNEL = {
  snapshot: {
    to: pageId,
    epoch: count,
    lease: orNull(pageId),
    turns: listOf(turnView),
    live: listOf(turnView),
    earlier: count,
  },
  turn: { turn: turnView, after: orNull(itemId) },
  live: { turn: turnView, after: orNull(itemId) },
  "live.delta": { item_id: itemId, text },
  gone: { item_id: itemId },
  audio: { epoch: count, item_id: itemId, content_index: count, start: count },
  "audio.done": { epoch: count, item_id: itemId, content_index: count },
  flush: { epoch: count },
  lease: { page: orNull(pageId) },
  "mic.stop": {},
  refused: { what: text, why: text },
  heartbeat: {},
  lost: { from: seq, to: seq },
  clip: { to: pageId, item_id: itemId, rate: number(3000, 768_000) },
  event: { direction: oneOf("client", "server"), type: text, summary: text },
  "socket.open": { to: pageId, socket: seq, url: name(4000), secret: clientSecret },
  "socket.send": { to: pageId, socket: seq, part: count, last: flag },
  "socket.hold": { to: pageId, socket: seq, on: flag, since: count },
  "socket.close": { to: pageId, socket: seq },
} satisfies Record<string, Fields>;

type Union<T extends Record<string, Fields>> = { [K in keyof T]: { kind: K } & Shape<T[K]> }[keyof T];

/** A message of the page, before the channel numbers it. */
export type PageMessage = Union<typeof PAGE>;
/** A message of the kernel; `pcm` is its buffer: sound, or a part of a wire frame. */
export type KernelMessage = Union<typeof KERNEL> & { seq: number; to?: string; pcm: DataView | null };

/** The longest microphone frame that a kernel accepts, as PCM16 at 24 kHz. */
const LONGEST_FRAME_MS = 100;
const LONGEST_FRAME_BYTES = (LONGEST_FRAME_MS * RATE_HZ * 2) / 1000;
/** The longest part of a wire frame: a large comm message resets Jupyter's socket (docs/notebook.md 6). */
export const PART_BYTES = 512 * 1024;

/** The reason why a page may not send this message; null if it may. */
export function pageFault(content: unknown, bufferBytes: number | null): string | null {
  const fault = envelopeFault(content, PAGE);
  if (fault) return fault;
  const message = content as { kind: keyof typeof PAGE; page?: unknown; from?: number; to?: number };
  if (!pageId(message.page)) return "page is not an id";
  if (message.kind === "gap" && Number(message.to) < Number(message.from)) return "gap: to is before from";
  if (message.kind === "socket.frame") return partFault(bufferBytes);
  if (message.kind !== "mic.frame") return bufferBytes === null ? null : "only a frame carries a buffer";
  return soundFault(bufferBytes, LONGEST_FRAME_BYTES);
}

/** The reason why a kernel may not send this message; null if it may. */
export function kernelFault(content: unknown, bufferBytes: number | null): string | null {
  const fault = envelopeFault(content, KERNEL);
  if (fault) return fault;
  const message = content as { kind: keyof typeof KERNEL; to?: unknown };
  if (message.kind !== "lost" && message.to !== undefined && !pageId(message.to))
    return "to is not a page id";
  if (message.kind === "socket.send") return partFault(bufferBytes);
  if (message.kind === "audio" || message.kind === "clip")
    return soundFault(bufferBytes, Number.POSITIVE_INFINITY);
  return null;
}

/** The checked message in a comm's content and buffers; null if it fails a check. */
export function decodeKernelMessage(content: unknown, buffers: readonly unknown[]): KernelMessage | null {
  const pcm = toView(buffers[0]);
  if (kernelFault(content, pcm ? pcm.byteLength : null) !== null) return null;
  return { ...(content as object), pcm } as KernelMessage;
}

function envelopeFault(content: unknown, kinds: Record<string, Fields>): string | null {
  if (!record({ v: integer(1), seq, kind: text })(content)) return "not an envelope";
  if (content.v !== PROTOCOL_VERSION) return `version ${content.v} is not ${PROTOCOL_VERSION}`;
  if (!Object.hasOwn(kinds, content.kind)) return `unknown kind ${content.kind}`;
  for (const [key, check] of Object.entries(kinds[content.kind] ?? {}))
    if (!check((content as Record<string, unknown>)[key])) return `${content.kind}: ${key} is wrong`;
  return null;
}

function partFault(bytes: number | null): string | null {
  if (!bytes) return "an empty part";
  return bytes > PART_BYTES ? "too long a part" : null;
}

function soundFault(bytes: number | null, limit: number): string | null {
  if (!bytes) return "no sound";
  if (bytes % 2 === 1) return "not PCM16";
  return bytes > limit ? "too much sound" : null;
}

/** A buffer as a DataView: Jupyter delivers that; other hosts deliver an ArrayBuffer or a typed array (docs/notebook.md 8). */
function toView(buffer: unknown): DataView | null {
  if (buffer instanceof DataView) return buffer;
  if (buffer instanceof ArrayBuffer) return new DataView(buffer);
  if (ArrayBuffer.isView(buffer)) return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return null;
}
