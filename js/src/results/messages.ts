/**
 * The messages between a results card and its kernel: the card asks, and each question gets one answer. The kernel
 * says by itself only that rows have changed, and which question changed them, if it was one.
 */

import { record, text } from "../json.js";

export interface Ask {
  kind: "ask";
  id: string;
  request: string;
  content: Record<string, unknown>;
}

export type ResultsKernelMessage =
  | { kind: "answer"; id: string; content: Record<string, unknown> }
  | { kind: "refused"; id: string; reason: string }
  | { kind: "changed"; by: string };

/** A message of the kernel; null for one of another kind. */
export function fromKernel(message: unknown): ResultsKernelMessage | null {
  const fields = record(message);
  const id = text(fields.id);
  switch (fields.kind) {
    case "answer":
      return { kind: "answer", id, content: record(fields.content) };
    case "refused":
      return { kind: "refused", id, reason: text(fields.reason) };
    case "changed":
      return { kind: "changed", by: text(fields.by) };
    default:
      return null;
  }
}
