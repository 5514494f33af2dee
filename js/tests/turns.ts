/** Makes turns for tests: every field that a test does not set has a plain value. */

import type { TurnView } from "../src/comm/messages.js";

export function turn(itemId: string, more: Partial<TurnView> = {}): TurnView {
  return {
    item_id: itemId,
    revision: 1,
    role: "user",
    text: itemId,
    heard: null,
    status: "completed",
    note: null,
    has_audio: false,
    total_ms: null,
    audio_ms: null,
    tool_calls: [],
    kept: false,
    ...more,
  };
}
