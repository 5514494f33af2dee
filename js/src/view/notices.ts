/**
 * Draws what the local backend reports, below the header: downloads under way, which hosts get words and sound, and
 * that free speech is not recognised.
 */

import type { HostModel } from "../host.js";
import { read } from "../traits.js";
import { h, setAttribute, setText } from "./dom.js";

interface Notices {
  readonly root: HTMLElement;
  show(): void;
}

export function createNotices(model: HostModel): Notices {
  // Not a live region: a screen reader would read each new number aloud.
  const progress = h("div", {
    class: "rtnb-progress",
    role: "progressbar",
    "aria-label": "Download",
    dir: "auto",
  });
  const whereabouts = h("div", { class: "rtnb-whereabouts", role: "note", dir: "auto" });
  const hearing = h("div", { class: "rtnb-hearing", role: "note", dir: "auto" });
  const root = h("div", { class: "rtnb-notices" }, whereabouts, hearing, progress);
  return {
    root,
    show() {
      const info = read(model, "_info");
      setText(whereabouts, info.whereabouts);
      whereabouts.hidden = !info.whereabouts;
      setText(hearing, info.hearing);
      hearing.hidden = !info.hearing;
      setText(progress, info.progress);
      setAttribute(progress, "aria-valuetext", info.progress);
      progress.hidden = !info.progress;
      root.hidden = whereabouts.hidden && hearing.hidden && progress.hidden;
    },
  };
}
