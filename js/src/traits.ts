/** The synced traits that the page reads, with a sane value for whatever an older kernel does not send. */

import type { MicOptions } from "./audio/mic.js";
import type { HostModel } from "./host.js";

export type Status =
  | "idle"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "reconnecting"
  | "closed"
  | "error";

/** What a person can change in the card; the kernel refuses a page that writes anything else. */
export type Setting = "muted" | "instructions" | "voice" | "speed" | "turn_detection";
export const SETTINGS: readonly string[] = [
  "muted",
  "instructions",
  "voice",
  "speed",
  "turn_detection",
] satisfies Setting[];

export interface Info {
  backend: string;
  label: string;
  notice: string;
  model: string;
  voices: string[];
  cost_usd: number | null;
  voice: string;
  vad: string;
  /** Who holds the connection: "kernel", or "browser" for this page. */
  transport: string;
  /** Why it is not the page, where the page was wanted. */
  transport_notice: string;
}

export const readStatus = (model: HostModel): Status => (text(model.get("status")) || "idle") as Status;
export const readMuted = (model: HostModel): boolean => model.get("muted") === true;
export const readError = (model: HostModel): string => text(model.get("error"));
export const readControls = (model: HostModel): boolean => model.get("controls") !== false;

/** "server_vad", "semantic_vad", or null where the person says when a turn ends. */
export function readTurnDetection(model: HostModel): string | null {
  const value = model.get("turn_detection");
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : text(record(value).type) || null;
}

export function readMicrophone(model: HostModel): MicOptions {
  return record(model.get("_microphone")) as MicOptions;
}

export function readInfo(model: HostModel): Info {
  const info = record(model.get("_info"));
  return {
    backend: text(info.backend),
    label: text(info.label),
    notice: text(info.notice),
    model: text(info.model),
    voices: Array.isArray(info.voices) ? info.voices.filter((voice) => typeof voice === "string") : [],
    cost_usd: typeof info.cost_usd === "number" ? info.cost_usd : null,
    voice: text(info.voice),
    vad: text(info.vad),
    transport: text(info.transport),
    transport_notice: text(info.transport_notice),
  };
}

export function readLatency(model: HostModel): Record<string, number> {
  const entries = Object.entries(record(model.get("_latency")));
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
