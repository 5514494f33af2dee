/** A fake model: a test sends the messages of its kernel and reads those of its page. */

import { streamOf } from "../src/comm/messages.js";
import type { HostModel } from "../src/host.js";

export interface FakeModel extends HostModel {
  sent: { content: Record<string, unknown>; buffers: ArrayBuffer[] }[];
  kinds(): unknown[];
  /** Sends a message of the kernel, or loses it on its way. */
  down(
    kind: string,
    fields?: Record<string, unknown>,
    buffer?: ArrayBuffer,
    options?: { lose: boolean },
  ): void;
  emit(event: string, ...args: unknown[]): void;
  greet(fields?: Record<string, unknown>): void;
  handlers: Map<string, ((...args: unknown[]) => void)[]>;
}

export function createFakeModel(traits: Record<string, unknown> = {}): FakeModel {
  const state: Record<string, unknown> = {
    status: "idle",
    turn_detection: "semantic_vad",
    controls: true,
    ...traits,
  };
  const handlers: FakeModel["handlers"] = new Map();
  const last = { state: 0, sound: 0 };
  const model: FakeModel = {
    sent: [],
    handlers,
    get: (key) => state[key],
    set(key, value) {
      state[key] = value;
      model.emit(`change:${key}`, model, value);
      model.emit("change", model);
    },
    save_changes: () => undefined,
    send: (content, _callbacks, buffers) =>
      void model.sent.push({ content: content as Record<string, unknown>, buffers: buffers ?? [] }),
    on: (event, handler) => void handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off: (event, handler) =>
      void handlers.set(
        event,
        (handlers.get(event) ?? []).filter((each) => each !== handler),
      ),
    kinds: () => model.sent.map(({ content }) => content.kind),
    emit(event, ...args) {
      for (const handler of handlers.get(event) ?? []) handler(...args);
    },
    down(kind, fields = {}, buffer, options) {
      // `gap` and `lost` are about the numbers of other messages and have none.
      const seq = /^(gap|lost)/.test(kind) ? 0 : ++last[streamOf(kind)];
      if (options?.lose) return;
      model.emit("msg:custom", { v: 1, seq, kind, ...fields }, buffer ? [new DataView(buffer)] : []);
    },
    greet(fields = {}) {
      const page = model.sent[0]?.content.page;
      model.down("snapshot", {
        to: page,
        epoch: 0,
        lease: null,
        turns: [],
        live: [],
        earlier: 0,
        sound: last.sound,
        ...fields,
      });
    },
  };
  return model;
}
