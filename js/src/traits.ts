/**
 * Declares the synced traits that the page uses, and reads each with a default for a missing or odd value.
 *
 * Twin of realtime_nb/widget/traits.py and page_values.py; tests/contract/traits.json keeps the two equal. The
 * page must survive traits of an older kernel, and of a model that a notebook saved without its kernel.
 */

import { type HostModel, listen } from "./host.js";
import { record, text } from "./json.js";

export const STATUSES = [
  "idle",
  "connecting",
  "listening",
  "hearing",
  "thinking",
  "speaking",
  "reconnecting",
  "closed",
  "error",
] as const;
export type Status = (typeof STATUSES)[number];

/** The traits that a page may write; the kernel refuses any other. */
export const SETTINGS = ["muted", "instructions", "voice", "speed", "turn_detection"] as const;
export type Setting = (typeof SETTINGS)[number];

const on = (value: unknown): boolean => value !== false;
const number = (value: unknown): number | null => (Number.isFinite(value) ? (value as number) : null);
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];

type Readers = Record<string, (value: unknown) => unknown>;
type Read<R extends Readers> = { [K in keyof R]: ReturnType<R[K]> };

const list =
  <T>(read: (value: unknown) => T) =>
  (value: unknown): T[] =>
    Array.isArray(value) ? value.map(read) : [];

/** A reader of an object that reads each of its keys with a reader of its own. */
const fields =
  <R extends Readers>(readers: R) =>
  (value: unknown): Read<R> => {
    const given = record(value);
    return Object.fromEntries(
      Object.entries(readers).map(([key, read]) => [key, read(given[key])]),
    ) as Read<R>;
  };

export const INFO = {
  backend: text,
  label: text,
  notice: text,
  /** To which other hosts words and sound go; empty where they stay on this computer. */
  whereabouts: text,
  /** Why free speech is not recognised, with the next step; empty where it is. */
  hearing: text,
  /** Downloads under way; empty without any. */
  progress: text,
  model: text,
  voices: texts,
  cost_usd: number,
  voice: text,
  vad: text,
  /** Where the connection is: "kernel", or "browser" for this page. */
  transport: text,
  /** The reason why the connection is in the kernel although the browser's was asked for. */
  transport_notice: text,
  /** The reason why the session is closed until the conversation goes on; empty while it is not. */
  parked: text,
};

export const LATENCY = {
  speech_end_to_committed: number,
  committed_to_response: number,
  response_to_first_audio: number,
  first_audio_to_played: number,
  total: number,
};
export type LatencyView = Read<typeof LATENCY>;

export const MICROPHONE = {
  device: text,
  echo_cancellation: on,
  noise_suppression: on,
  auto_gain_control: on,
};

export const BRANCH = { id: text, words: text, changes: text };
export type BranchView = Read<typeof BRANCH>;

export const TRAITS = {
  status: (value: unknown) => (text(value) || "idle") as Status,
  error: text,
  muted: (value: unknown) => value === true,
  instructions: text,
  /** The name of a voice, or the id of a custom one. */
  voice: (value: unknown) => text(value) || text(record(value).id),
  speed: number,
  /** "server_vad", "semantic_vad", or null for push to talk. */
  turn_detection: (value: unknown) => text(value) || text(record(value).type) || null,
  controls: on,
  _info: fields(INFO),
  _latency: fields(LATENCY),
  _microphone: fields(MICROPHONE),
  /** One sentence for each kind of loss. */
  _health: texts,
  /** The forks of this conversation: the id of a model, the first words of the forked turn, and what was changed. */
  _branches: list(fields(BRANCH)),
};
export type Trait = keyof typeof TRAITS;

export function read<K extends Trait>(model: HostModel, name: K): ReturnType<(typeof TRAITS)[K]> {
  return TRAITS[name](model.get(name)) as ReturnType<(typeof TRAITS)[K]>;
}

export function onTraits(model: HostModel, names: Trait[], callback: () => void, signal: AbortSignal): void {
  for (const name of names) listen(model, `change:${name}`, callback, signal);
}
