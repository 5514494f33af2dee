import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeKernelMessage, kernelFault, pageFault } from "../../src/comm/messages.js";

interface Golden {
  direction: "page" | "kernel";
  content: Record<string, unknown>;
  buffer_bytes?: number;
  valid: boolean;
  why?: string;
}

const path = new URL("../../../tests/contract/messages.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden[];

describe("the golden messages that Python reads too", () => {
  it.each(
    golden.map((message) => [
      `${message.direction} ${message.content.kind}: ${message.why ?? "valid"}`,
      message,
    ]),
  )("%s", (_name, message) => {
    const fault = message.direction === "page" ? pageFault : kernelFault;
    const found = fault(message.content, message.buffer_bytes ?? null);
    expect(found === null, String(found)).toBe(message.valid);
  });

  it("name every kind at least once as valid", () => {
    const kinds = (direction: string) =>
      new Set(golden.filter((m) => m.valid && m.direction === direction).map((m) => m.content.kind)).size;
    expect([kinds("page"), kinds("kernel")]).toEqual([20, 18]);
  });
});

describe("a message that arrives", () => {
  const content = { v: 1, seq: 1, kind: "audio", epoch: 0, item_id: "i", content_index: 0, start: 0 };

  it("carries its sound in every kind of buffer that a host may deliver", () => {
    const bytes = new Uint8Array([9, 1, 2, 3, 4]);
    for (const buffer of [new DataView(bytes.buffer, 1), bytes.slice(1).buffer, bytes.subarray(1)])
      expect(decodeKernelMessage(content, [buffer])?.pcm?.getInt16(0, true)).toBe(0x0201);
  });

  it("is dropped when it fails a check", () => {
    for (const nonsense of [
      null,
      7,
      "audio",
      [],
      {},
      { ...content, epoch: Number.NaN },
      { ...content, kind: "toString" },
    ])
      expect(decodeKernelMessage(nonsense, [new ArrayBuffer(2)])).toBeNull();
  });
});
