/**
 * Draws the sound levels as a moving strip of bars: red for the user, blue for the assistant.
 *
 * Draws only while something is heard. With reduced motion one bar grows and shrinks in place.
 */

import { h } from "./dom.js";

interface Meter {
  readonly root: HTMLElement;
  push(source: "mic" | "speaker", level: number): void;
  /** Whether microphone or playback is on; otherwise the strip comes to rest. */
  active(on: boolean): void;
  /** Takes away the bars of sound that was. */
  clear(): void;
}

const BAR_PX = 3;
const GAP_PX = 2;
const STEP_MS = 60;
const HEIGHT_PX = 36;
const SILENCE_DB = -55;

interface Bar {
  source: "mic" | "speaker";
  level: number;
}

export function createMeter(signal: AbortSignal): Meter {
  const canvas = h("canvas", {
    class: "rtnb-meter",
    role: "img",
    "aria-label": "Sound level",
    height: HEIGHT_PX,
  });
  const reduced = window.matchMedia?.("(prefers-reduced-motion: reduce)");
  let bars: Bar[] = [];
  let newest: Record<Bar["source"], number> = { mic: 0, speaker: 0 };
  let running = false;
  let steppedAt = 0;
  let idleSteps = 0;
  let frame = 0;

  function step(now: number): void {
    frame = 0;
    if (signal.aborted) return;
    if (now - steppedAt >= (reduced?.matches ? 4 : 1) * STEP_MS) {
      steppedAt = now;
      const source = newest.speaker > 0.002 || newest.speaker > newest.mic ? "speaker" : "mic";
      const level = newest[source];
      newest = { mic: newest.mic * 0.5, speaker: newest.speaker * 0.5 };
      bars.push({ source, level });
      idleSteps = running ? 0 : idleSteps + 1;
      draw();
    }
    // The bars of the last sound move out of the strip before it comes to rest.
    if (idleSteps <= capacity()) frame = requestAnimationFrame(step);
    else {
      bars = [];
      draw();
    }
  }

  const capacity = () => Math.max(8, Math.floor(canvas.clientWidth / (BAR_PX + GAP_PX)));

  function draw(): void {
    const width = canvas.clientWidth;
    const context = canvas.getContext("2d");
    if (!context || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(HEIGHT_PX * ratio);
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, HEIGHT_PX);
    const style = getComputedStyle(canvas);
    const colours = {
      mic: style.getPropertyValue("--rtnb-you"),
      speaker: style.getPropertyValue("--rtnb-them"),
    };
    const rest = style.getPropertyValue("--rtnb-rest");
    bars = bars.slice(-capacity());
    const last = bars.at(-1);
    if (reduced?.matches && last) {
      context.fillStyle = rest;
      context.fillRect(0, HEIGHT_PX / 2 - 3, width, 6);
      context.fillStyle = colours[last.source];
      context.fillRect(0, HEIGHT_PX / 2 - 3, width * loudness(last.level), 6);
      return;
    }
    const shown: Bar[] = [...Array<Bar>(Math.max(0, capacity() - bars.length)).fill(SILENCE), ...bars];
    const left = width - shown.length * (BAR_PX + GAP_PX) + GAP_PX;
    shown.forEach((bar, index) => {
      const height = Math.max(2, loudness(bar.level) * (HEIGHT_PX - 2));
      context.fillStyle = height <= 2 ? rest : colours[bar.source];
      context.beginPath();
      context.roundRect(
        left + index * (BAR_PX + GAP_PX),
        (HEIGHT_PX - height) / 2,
        BAR_PX,
        height,
        BAR_PX / 2,
      );
      context.fill();
    });
  }

  function wake(): void {
    idleSteps = 0;
    frame ||= requestAnimationFrame(step);
  }

  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  signal.addEventListener("abort", () => {
    resized.disconnect();
    cancelAnimationFrame(frame);
  });
  return {
    root: canvas,
    push(source, level) {
      newest[source] = Math.max(newest[source], level);
      if (level > 0) wake();
    },
    active(on) {
      if (on && !running) wake();
      running = on;
    },
    clear() {
      bars = [];
      draw();
    },
  };
}

const SILENCE: Bar = { source: "mic", level: 0 };

/** A level as the height of a bar, 0..1, on a logarithmic scale from -55 dB to -6 dB. */
function loudness(level: number): number {
  if (level <= 0) return 0;
  const decibels = 20 * Math.log10(level);
  return Math.min(1, Math.max(0, (decibels - SILENCE_DB) / (-6 - SILENCE_DB)));
}
