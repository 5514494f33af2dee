/**
 * Declares every comm message of the page and of the kernel, and checks each one.
 *
 * Twin of realtime_nb/notebook/page/messages.py; tests/contract/messages.json keeps the two equal. The
 * caller drops a message that fails a check: a broken kernel must not break the card.
 */

import { MIC_REASONS } from "../audio/errors.js";
import { RATE_HZ } from "../audio/pcm.js";
import type { Range } from "./order.js";

export const PROTOCOL_VERSION = 1;

// Without side effects, the checks of the page's own messages, which only tests use, are left out of the bundle.
type Check<T> = (value: unknown) => value is T;
type Checked<C> = C extends Check<infer T> ? T : never;
type Fields = Record<string, Check<unknown>>;
type Shape<F extends Fields> = { [K in keyof F]: Checked<F[K]> };

const text: Check<string> = (value): value is string => typeof value === "string";
const flag: Check<boolean> = (value): value is boolean => typeof value === "boolean";
/* @__NO_SIDE_EFFECTS__ */
const name =
  (limit: number): Check<string> =>
  (value): value is string =>
    typeof value === "string" && value.length > 0 && value.length <= limit;
/* @__NO_SIDE_EFFECTS__ */
const integer =
  (least: number): Check<number> =>
  (value): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least;
/* @__NO_SIDE_EFFECTS__ */
const number =
  (least: number, most: number): Check<number> =>
  (value): value is number =>
    typeof value === "number" && value >= least && value <= most;
/* @__NO_SIDE_EFFECTS__ */
const oneOf =
  <const T extends string>(options: readonly T[]): Check<T> =>
  (value): value is T =>
    (options as readonly unknown[]).includes(value);
/* @__NO_SIDE_EFFECTS__ */
const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value): value is T | null =>
    value === null || check(value);
/* @__NO_SIDE_EFFECTS__ */
const listOf =
  <T>(check: Check<T>): Check<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.every(check);
/* @__NO_SIDE_EFFECTS__ */
const record =
  <F extends Fields>(fields: F): Check<Shape<F>> =>
  (value): value is Shape<F> =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(fields).every(([key, check]) => check((value as Record<string, unknown>)[key]));

/** A value that its reader checks. */
const anything: Check<unknown> = (_value): _value is unknown => true;
/* @__NO_SIDE_EFFECTS__ */
const some =
  <T>(check: Check<T[]>): Check<T[]> =>
  (value): value is T[] =>
    check(value) && value.length > 0;

const count = integer(0);
const seq = integer(1);
const range: Check<Range> = (value): value is Range =>
  listOf(seq)(value) && value.length === 2 && Number(value[0]) <= Number(value[1]);
const ranges: Check<Range[]> = (value): value is Range[] =>
  listOf(range)(value) && value.length > 0 && value.length <= 64;
const stream = oneOf(["state", "sound"]);
/** Each direction has two streams of messages, with numbers of their own. */
export type Stream = Checked<typeof stream>;
const itemId = name(512);
const pageId = name(64);
const closeCode: Check<number> = (value): value is number => count(value) && value <= 65_535;
/* @__NO_SIDE_EFFECTS__ */
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
  role: oneOf(["user", "assistant", "system"]),
  text,
  heard: orNull(count),
  status: oneOf(["in_progress", "completed", "interrupted", "failed"]),
  note: orNull(text),
  has_audio: flag,
  total_ms: duration,
  audio_ms: duration,
  tool_calls: listOf(toolCall),
  kept: flag,
});
export type TurnView = Checked<typeof turnView>;

const settingChange = record({
  name: oneOf(["instructions", "voice", "speed", "turn_detection"]),
  value: anything,
});
export type SettingChange = Checked<typeof settingChange>;

const retakeView = record({
  id: itemId,
  name: text,
  changes: listOf(settingChange),
  state: oneOf(["waiting", "asking", "done", "failed", "cancelled"]),
  heard: text,
  text,
  error: orNull(text),
  has_audio: flag,
  audio_ms: duration,
  latency: record({
    speech_end_to_committed: duration,
    committed_to_response: duration,
    response_to_first_audio: duration,
    total: duration,
  }),
  cost_usd: duration,
  tool_calls: listOf(toolCall),
});
export type RetakeView = Checked<typeof retakeView>;

/** The kinds of the page's messages, and a check for each field; the envelope's fields are left out. */
export const PAGE = {
  hello: { version: integer(1) },
  heartbeat: { every: number(0.01, 60), sound: count, got: count },
  gap: { of: stream, ranges },
  lost: { of: stream, ranges },
  bye: {},
  views: { count },
  lease: {},
  "mic.open": {},
  "mic.frame": { frame: count, level: number(0, 1), sent: flag, at: count },
  "mic.close": { frames: count },
  "mic.error": { reason: oneOf(MIC_REASONS), message: text },
  "play.state": {
    epoch: count,
    state: oneOf(["idle", "blocked", "playing"]),
    items: listOf(playedItem),
    underruns: count,
  },
  "play.stopped": {
    epoch: count,
    items: listOf(playedItem),
    cause: oneOf(["flush", "user", "lease", "speech"]),
  },
  send: { text: name(200_000) },
  interrupt: {},
  commit: {},
  clip: { item_id: itemId },
  keep: { item_id: itemId, on: flag },
  "ask.again": { item_id: itemId, sides: some(listOf(record({ changes: listOf(settingChange) }))) },
  "ask.cancel": { experiment: itemId },
  events: { on: flag },
  reset: {},
  fork: { item_id: itemId, instructions: orNull(upTo(100_000)) },
  "branch.close": { branch: name(128) },
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
    sound: count,
  },
  experiment: { experiment: itemId, item_id: orNull(itemId), label: text, sides: listOf(retakeView) },
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
  heartbeat: { to: pageId, sound: count, got: count, got_sound: count },
  gap: { to: pageId, of: stream, ranges },
  lost: { to: pageId, of: stream, ranges },
  clip: { to: pageId, item_id: itemId, rate: number(3000, 768_000) },
  event: { direction: oneOf(["client", "server"]), type: text, summary: text },
  "socket.open": { to: pageId, socket: seq, url: name(4000), secret: clientSecret },
  "socket.send": { to: pageId, socket: seq, part: count, last: flag },
  "socket.hold": { to: pageId, socket: seq, on: flag, since: count },
  "socket.close": { to: pageId, socket: seq },
} satisfies Record<string, Fields>;

/** The stream that carries a kind of message, in either direction. */
export const streamOf = (kind: string): Stream =>
  /^(audio|lease|commit|mic\.(?!stop))/.test(kind) ? "sound" : "state";
/** Messages about the numbers of others; their own number is 0. */
const isAboutNumbers = (kind: string) => kind === "gap" || kind === "lost";

type Union<T extends Record<string, Fields>> = { [K in keyof T]: { kind: K } & Shape<T[K]> }[keyof T];

/** A message of the page, before the channel numbers it. */
export type PageMessage = Union<typeof PAGE>;
/** A message of the kernel; `pcm` is its buffer: sound, or a part of a wire frame. */
/** A user turn that was asked again. */
export type ExperimentView = Shape<(typeof KERNEL)["experiment"]>;
export type KernelMessage = Union<typeof KERNEL> & { seq: number; to?: string; pcm: DataView | null };

/** The longest microphone frame that a kernel accepts, as PCM16 at 24 kHz. */
const LONGEST_FRAME_MS = 100;
const LONGEST_FRAME_BYTES = (LONGEST_FRAME_MS * RATE_HZ * 2) / 1000;
/** The longest part of a wire frame: a large comm message resets Jupyter's socket (docs/notebook.md 6). */
export const PART_BYTES = 512 * 1024;

/** Whether a page may send this message. */
export function isPageMessage(content: unknown, bufferBytes: number | null): boolean {
  if (!isEnvelope(content, PAGE)) return false;
  if (!pageId((content as { page?: unknown }).page)) return false;
  if (content.kind === "socket.frame") return isPart(bufferBytes);
  if (content.kind !== "mic.frame") return bufferBytes === null;
  return isSound(bufferBytes, LONGEST_FRAME_BYTES);
}

/** Whether a kernel may send this message. */
export function isKernelMessage(content: unknown, bufferBytes: number | null): content is KernelMessage {
  if (!isEnvelope(content, KERNEL)) return false;
  const { kind, to } = content as { kind: string; to?: unknown };
  if (to !== undefined && !pageId(to)) return false;
  if (kind === "socket.send") return isPart(bufferBytes);
  return !(kind === "audio" || kind === "clip") || isSound(bufferBytes, Number.POSITIVE_INFINITY);
}

/** The checked message in a comm's content and buffers; null if it fails a check. */
export function decodeKernelMessage(content: unknown, buffers: readonly unknown[]): KernelMessage | null {
  const pcm = toView(buffers[0]);
  return isKernelMessage(content, pcm ? pcm.byteLength : null) ? { ...content, pcm } : null;
}

function isEnvelope(content: unknown, kinds: Record<string, Fields>): content is { kind: string } {
  return (
    record({ v: integer(1), seq: count, kind: text })(content) &&
    content.v === PROTOCOL_VERSION &&
    isAboutNumbers(content.kind) === (content.seq === 0) &&
    Object.hasOwn(kinds, content.kind) &&
    record(kinds[content.kind] ?? {})(content)
  );
}

function isPart(bytes: number | null): boolean {
  return !!bytes && bytes <= PART_BYTES;
}

function isSound(bytes: number | null, limit: number): boolean {
  return !!bytes && bytes % 2 === 0 && bytes <= limit;
}

/** A buffer as a DataView: Jupyter delivers that; other hosts deliver an ArrayBuffer or a typed array (docs/notebook.md 8). */
function toView(buffer: unknown): DataView | null {
  if (buffer instanceof DataView) return buffer;
  if (buffer instanceof ArrayBuffer) return new DataView(buffer);
  if (ArrayBuffer.isView(buffer)) return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return null;
}
