import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  decodeKernelMessage,
  isKernelMessage,
  isPageMessage,
  KERNEL,
  PAGE,
  streamOf,
} from "../../src/comm/messages.js";

interface Golden {
  direction: "page" | "kernel";
  content: Record<string, unknown>;
  buffer_bytes?: number;
  valid: boolean;
  stream?: string;
  why?: string;
}

const path = new URL("../../../tests/contract/messages.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden[];

type Direction = Golden["direction"];
type Checks = Record<string, (value: unknown) => boolean>;

const DECLARED: Record<Direction, Record<string, Checks>> = { page: PAGE, kernel: KERNEL };
const ENVELOPE: Record<Direction, string[]> = {
  page: ["v", "seq", "kind", "page"],
  kernel: ["v", "seq", "kind"],
};

/** The fields of the valid examples of a kind, without the envelope's. */
function validExamples(direction: Direction, kind: string): Record<string, unknown>[] {
  return golden
    .filter((m) => m.valid && m.direction === direction && m.content.kind === kind)
    .map(({ content }) =>
      Object.fromEntries(Object.entries(content).filter(([key]) => !ENVELOPE[direction].includes(key))),
    );
}

/** The path of every field that a value holds, as "turns[].text". */
function heldPaths(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => heldPaths(each, `${path}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const innerPath = path ? `${path}.${key}` : key;
    return [innerPath, ...heldPaths(inner, innerPath)];
  });
}

/** A value that adds the path of every field that is read from it to `read`, absent fields too. */
function recordReads(value: unknown, read: Set<string>, path = ""): unknown {
  if (Array.isArray(value)) return value.map((each) => recordReads(each, read, `${path}[]`));
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      const innerPath = path ? `${path}.${String(key)}` : String(key);
      read.add(innerPath);
      return recordReads(Reflect.get(target, key), read, innerPath);
    },
  });
}

describe("the golden messages that Python reads too", () => {
  it.each(
    golden.map((message) => [
      `${message.direction} ${message.content.kind}: ${message.why ?? "valid"}`,
      message,
    ]),
  )("%s", (_name, message) => {
    const check = message.direction === "page" ? isPageMessage : isKernelMessage;
    expect(check(message.content, message.buffer_bytes ?? null)).toBe(message.valid);
  });

  it("are sent in the stream that they name", () => {
    for (const { content, valid, stream } of golden)
      if (valid) expect(streamOf(String(content.kind)), String(content.kind)).toBe(stream ?? "state");
  });

  it.each(["page", "kernel"] as const)(
    "have every kind that is declared for the %s, and no other",
    (direction) => {
      const kinds = golden.filter((m) => m.valid && m.direction === direction).map((m) => m.content.kind);
      expect([...new Set(kinds)].sort()).toEqual(Object.keys(DECLARED[direction]).sort());
    },
  );

  // A check may accept a missing field, so a field that only the declaration has would pass every example.
  // A field is optional where some valid examples hold it and others do not.
  it.each(
    (["page", "kernel"] as const).flatMap((direction) =>
      Object.entries(DECLARED[direction]).map(([kind, checks]) => [direction, kind, checks] as const),
    ),
  )(
    "have the fields that are declared for %s %s, at every depth, and no other",
    (direction, kind, checks) => {
      const examples = validExamples(direction, kind);
      const declared = new Set<string>();
      for (const example of examples) {
        const watched = recordReads(example, declared) as Record<string, unknown>;
        for (const [key, check] of Object.entries(checks)) expect(check(watched[key]), key).toBe(true);
      }
      const held = new Set(examples.flatMap((example) => heldPaths(example)));
      expect([...declared].sort()).toEqual([...held].sort());
    },
  );
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
