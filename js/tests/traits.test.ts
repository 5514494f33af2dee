import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  BRANCH,
  INFO,
  LATENCY,
  MICROPHONE,
  read,
  SETTINGS,
  STATUSES,
  TRAITS,
  type Trait,
} from "../src/traits.js";
import { createFakeModel } from "./fake-model.js";

type JsonType = "string" | "boolean" | "number" | "object" | "array" | "null";
type Keys = Record<string, JsonType[]>;
interface Golden {
  traits: Record<string, { types: JsonType[]; page_may_write: boolean }>;
  status: string[];
  _info: Keys;
  _latency: Keys;
  _microphone: Keys;
  _branches: Keys;
}

const path = new URL("../../tests/contract/traits.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;

/** A value of each JSON type, and how a reader shows it. */
const SAMPLES: Record<Exclude<JsonType, "object">, unknown> = {
  string: "listening",
  boolean: false,
  number: 1.25,
  array: ["a", "b"],
  null: null,
};
/** The traits that are objects, or may be: a value, and how the page reads it. */
const OBJECTS: Record<string, [unknown, unknown]> = {
  voice: [{ id: "voice_1" }, "voice_1"],
  turn_detection: [{ type: "server_vad", threshold: 0.5 }, "server_vad"],
};
/** The traits that are lists of objects. */
const LISTS: Record<string, unknown[]> = {
  _branches: [{ id: "0f3c", words: "Hello", changes: "speed=1.2" }],
};

function expectReader(name: string, reader: (value: unknown) => unknown, types: JsonType[]): void {
  for (const type of types) {
    if (type === "object") {
      const [value, shown] = OBJECTS[name] ?? [{}, undefined];
      if (shown !== undefined) expect(reader(value), name).toEqual(shown);
    } else if (type === "array" && LISTS[name]) expect(reader(LISTS[name]), name).toEqual(LISTS[name]);
    else if (type === "null") expect(() => reader(null), name).not.toThrow();
    else expect(reader(SAMPLES[type]), `${name} as ${type}`).toEqual(SAMPLES[type]);
  }
}

describe("the golden traits that Python reads too", () => {
  it("have the names that the page reads", () => {
    expect(Object.keys(TRAITS).sort()).toEqual(Object.keys(golden.traits).sort());
  });

  it.each(Object.entries(golden.traits))("%s is read in every JSON type it may have", (name, { types }) => {
    expectReader(name, TRAITS[name as Trait], types);
  });

  it("may be written by the page where the card has a control for them", () => {
    const writable = Object.entries(golden.traits).filter(([, trait]) => trait.page_may_write);
    expect([...SETTINGS].sort()).toEqual(writable.map(([name]) => name).sort());
  });

  it("have the words of status", () => {
    expect([...STATUSES]).toEqual(golden.status);
  });

  it.each([
    ["_info", INFO, golden._info],
    ["_latency", LATENCY, golden._latency],
    ["_microphone", MICROPHONE, golden._microphone],
    ["_branches", BRANCH, golden._branches],
  ] as const)("have the keys of %s", (_name, readers: Record<string, (value: unknown) => unknown>, keys) => {
    expect(Object.keys(readers).sort()).toEqual(Object.keys(keys).sort());
    for (const [key, types] of Object.entries(keys)) expectReader(key, readers[key] ?? (() => null), types);
  });
});

describe("a trait", () => {
  it("that is missing or of another type is read as its default", () => {
    for (const nonsense of [undefined, null, 7, "x", [], {}, { voices: 3, cost_usd: "free" }]) {
      const model = createFakeModel(Object.fromEntries(Object.keys(TRAITS).map((name) => [name, nonsense])));
      for (const name of Object.keys(TRAITS)) expect(() => read(model, name as Trait)).not.toThrow();
    }
    const model = createFakeModel({ status: undefined, _info: null });
    expect([read(model, "status"), read(model, "_info").voices]).toEqual(["idle", []]);
  });
});
