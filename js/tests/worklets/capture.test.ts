import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { FRAME_MS } from "../../src/audio/framer.js";
import { isPageMessage } from "../../src/comm/messages.js";
import type { CaptureCommand, CaptureMessage } from "../../src/worklets/protocol.js";

interface Processor {
  port: { onmessage(event: { data: CaptureCommand }): void };
  process(inputs: Float32Array[][]): boolean;
}

/** The capture worklet as build.mjs bundles it, after `FRAME_MS` was edited. */
async function capture(frameMs: number): Promise<{ processor: Processor; sent: CaptureMessage[] }> {
  const result = await build({
    entryPoints: ["src/worklets/capture.worklet.ts"],
    bundle: true,
    write: false,
    format: "iife",
    plugins: [
      {
        name: "edit-frame-length",
        setup: ({ onLoad }) =>
          onLoad({ filter: /audio\/framer\.ts$/ }, ({ path }) => {
            const source = readFileSync(path, "utf8");
            const edited = source.replace(/FRAME_MS = \d+;/, `FRAME_MS = ${frameMs};`);
            return { contents: edited, loader: "ts" };
          }),
      },
    ],
  });
  const sent: CaptureMessage[] = [];
  const registered: (new () => Processor)[] = [];
  class AudioWorkletProcessor {
    port = { postMessage: (message: CaptureMessage) => void sent.push(message) };
  }
  const run = new Function("AudioWorkletProcessor", "registerProcessor", "sampleRate", bundleText(result));
  run(AudioWorkletProcessor, (_name: string, made: new () => Processor) => registered.push(made), 48_000);
  const [Made] = registered;
  if (!Made) throw new Error("no processor was registered");
  return { processor: new Made(), sent };
}

const bundleText = (result: { outputFiles?: { text: string }[] }) => result.outputFiles?.[0]?.text ?? "";

describe("the capture worklet", () => {
  it.each([FRAME_MS, 60, 100])("sends frames of %d ms after one edit and a build", async (ms) => {
    const { processor, sent } = await capture(ms);
    for (let block = 0; block < 375; block++) processor.process([[new Float32Array(128).fill(0.25)]]);
    processor.port.onmessage({ data: { kind: "close" } });
    expect(sent.at(-1)).toEqual({ kind: "closed" });
    const frames = sent.flatMap((message) => (message.kind === "frame" ? [message.pcm] : []));
    expect(frames.slice(0, -1).every((pcm) => pcm.length === 24 * ms)).toBe(true);
    expect(frames.reduce((samples, pcm) => samples + pcm.length, 0)).toBe(24_000);
    const message = { v: 1, seq: 1, page: "p", kind: "mic.frame", frame: 0, level: 0, sent: false, at: 0 };
    for (const pcm of frames) expect(isPageMessage(message, pcm.byteLength)).toBe(true);
  });
});
