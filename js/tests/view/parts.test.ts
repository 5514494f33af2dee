// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { read } from "../../src/traits.js";
import { createLatencyBar } from "../../src/view/latency.js";
import { luminanceOf } from "../../src/view/theme.js";
import { createFakeModel } from "../fake-model.js";

const latency = (measured: object) => read(createFakeModel({ _latency: measured }), "_latency");

describe("the latency bar", () => {
  it("shows the total and its longest stage", () => {
    const bar = createLatencyBar();
    bar.show(
      latency({
        speech_end_to_committed: 400,
        committed_to_response: 35,
        response_to_first_audio: 120,
        first_audio_to_played: 57,
        total: 612,
      }),
    );
    expect(bar.root.textContent).toBe("612 ms to first sound · 400 ms of it turn detection");
    const shares = [...bar.root.querySelectorAll<HTMLElement>("[data-stage]")].map(
      (each) => each.style.flexGrow,
    );
    expect(shares).toEqual(["400", "35", "120", "57"]);
  });

  it("is hidden where nothing was measured", () => {
    const bar = createLatencyBar();
    bar.show(latency({}));
    expect(bar.root.hidden).toBe(true);
  });
});

describe("a background colour", () => {
  it("is light, dark or unknown", () => {
    expect(luminanceOf("rgb(255, 255, 255)")).toBeCloseTo(1);
    expect(luminanceOf("rgb(22, 25, 31)")).toBeLessThan(0.15);
    expect(luminanceOf("rgba(0, 0, 0, 0)")).toBeNull();
    expect(luminanceOf("color(srgb 1 1 1)")).toBeNull();
  });
});
