/** The messages between a recorder card and its kernel. */

import { record, text } from "../json.js";

export type RecorderPageMessage =
  | { kind: "hello" }
  | { kind: "keep"; take: string; label: string; said: string }
  | { kind: "remove"; label: string };

export type RecorderKernelMessage =
  | { kind: "ready" }
  | { kind: "kept"; take: string; label: string }
  | { kind: "refused"; take: string; reason: string };

/** A message of the kernel; null for one of another kind. */
export function fromKernel(content: unknown): RecorderKernelMessage | null {
  const fields = record(content);
  const take = text(fields.take);
  switch (fields.kind) {
    case "ready":
      return { kind: "ready" };
    case "kept":
      return { kind: "kept", take, label: text(fields.label) };
    case "refused":
      return { kind: "refused", take, reason: text(fields.reason) };
    default:
      return null;
  }
}

export interface KeptUtterance {
  label: string;
  said: string;
  seconds: number;
}

/** The trait `kept`, of which nothing is trusted. */
export function keptOf(value: unknown): KeptUtterance[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry) => {
    const { label, said, seconds } = record(entry);
    return { label: text(label), said: text(said), seconds: typeof seconds === "number" ? seconds : 0 };
  });
}

/** The trait `prompts`: sentences to read aloud. */
export function promptsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text).filter(Boolean) : [];
}
