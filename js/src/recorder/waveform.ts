/** Draws a recording as bars, with the part that is kept in full colour. */

import { h } from "../view/dom.js";
import { peaks } from "./take.js";

const HEIGHT_PX = 64;
const STEP_PX = 3;

interface Waveform {
  readonly root: HTMLElement;
  /** Draws samples; `start` and `end` are the ends of the kept part, in samples, and `at` is where it plays. */
  draw(pcm: Int16Array, start: number, end: number, at: number | null): void;
}

export function createWaveform(signal: AbortSignal): Waveform {
  const canvas = h("canvas", {
    class: "rtnb-wave",
    role: "img",
    "aria-label": "Waveform",
    height: HEIGHT_PX,
  });
  let drawn: [Int16Array, number, number, number | null] = [new Int16Array(0), 0, 0, null];

  function draw(): void {
    const [pcm, start, end, at] = drawn;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth || 300;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(HEIGHT_PX * scale);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(scale, scale);
    context.clearRect(0, 0, width, HEIGHT_PX);
    const style = getComputedStyle(canvas);
    const [kept, cut, needle] = ["--rtnb-you", "--rtnb-rest", "--rtnb-ink"].map((name) =>
      style.getPropertyValue(name).trim(),
    );
    const bars = peaks(pcm, Math.max(1, Math.floor(width / STEP_PX)));
    bars.forEach((peak, index) => {
      const sample = ((index + 0.5) * pcm.length) / bars.length;
      context.fillStyle = (sample >= start && sample < end ? kept : cut) || "#888";
      // Speech is far below full scale: by its root, quiet words are seen, too.
      const tall = Math.max(1, Math.sqrt(peak) * (HEIGHT_PX - 4));
      context.fillRect(index * STEP_PX, (HEIGHT_PX - tall) / 2, STEP_PX - 1, tall);
    });
    if (at !== null && pcm.length > 0) {
      context.fillStyle = needle || "#888";
      context.fillRect((at / pcm.length) * width, 0, 1.5, HEIGHT_PX);
    }
  }

  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  signal.addEventListener("abort", () => resized.disconnect());
  return {
    root: canvas,
    draw(...next) {
      drawn = next;
      draw();
    },
  };
}
