/** Shows how long the user waited for the first sound, and which stage took how much of it. */

import type { LatencyView } from "../traits.js";
import { h, milliseconds, setText } from "./dom.js";

interface LatencyBar {
  readonly root: HTMLElement;
  /** Show the stages; the bar fills its width at `fullMs`: bars that stand side by side need the same one. */
  show(latency: LatencyView, fullMs?: number): void;
}

const STAGES = [
  ["speech_end_to_committed", "turn detection"],
  ["committed_to_response", "the service"],
  ["response_to_first_audio", "the answer"],
  ["first_audio_to_played", "the speaker"],
] as const;

/** Return the sum of the stages that are there, in milliseconds. */
export function stagesMs(latency: LatencyView): number {
  return STAGES.reduce((sum, [key]) => sum + Math.max(0, latency[key] ?? 0), 0);
}

export function createLatencyBar(): LatencyBar {
  const bar = h("div", { class: "rtnb-waterfall", "aria-hidden": "true" });
  const sentence = h("div", { class: "rtnb-latency-text" });
  const root = h("div", { class: "rtnb-latency", hidden: true }, bar, sentence);
  return {
    root,
    show(latency, fullMs = 0) {
      const stages = STAGES.map(([key, name]) => ({ key, name, ms: latency[key] ?? 0 })).filter(
        ({ ms }) => ms > 0,
      );
      const sum = stagesMs(latency);
      bar.style.width = fullMs > sum ? `${(100 * sum) / fullMs}%` : "";
      const total = latency.total ?? sum;
      // A written answer has no first sound.
      root.hidden = total <= 0 || latency.response_to_first_audio === null;
      if (root.hidden) return;
      bar.replaceChildren(
        ...stages.map(({ key, name, ms }) => {
          const segment = h("span", { "data-stage": key, title: `${name}: ${milliseconds(ms)}` });
          segment.style.flexGrow = String(ms);
          return segment;
        }),
      );
      const longest = stages.reduce((most, stage) => (stage.ms > most.ms ? stage : most), {
        name: "",
        ms: 0,
      });
      const cause = longest.ms > total / 3 ? ` · ${milliseconds(longest.ms)} of it ${longest.name}` : "";
      setText(sentence, `${milliseconds(total)} to first sound${cause}`);
    },
  };
}
