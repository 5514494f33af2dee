/**
 * Watches what ends or revives the comm: a closed comm, a restarted kernel, a page that is left or restored.
 *
 * Must not know what the messages contain.
 */

import { type HostModel, listen } from "../host.js";

interface CommEvents {
  onMessage(content: unknown, buffers: readonly unknown[]): void;
  /** The host reports that the comm is closed. */
  onClosed(): void;
  /** The host replaced the comm or its kernel: whether a kernel answers can only be found out by asking. */
  onReplaced(): void;
  onPageHidden(): void;
  /** The browser restored the page from its back/forward cache; the kernel has dropped this page meanwhile. */
  onPageRestored(): void;
}

export function watchComm(model: HostModel, signal: AbortSignal, events: CommEvents): void {
  listen(
    model,
    "msg:custom",
    (content: unknown, buffers: readonly unknown[] = []) => events.onMessage(content, buffers),
    signal,
  );
  // anywidget hands us a proxy of the model, which hides `comm_live`; a change event carries the model itself.
  let raw: { comm_live?: unknown } | null = null;
  listen(
    model,
    "change",
    (changed: unknown) => {
      raw = changed as typeof raw;
    },
    signal,
  );
  // ipywidgets' manager sets `comm_live` to false for every model when a kernel restarts. The flag may be
  // wrong, so the kernel is asked in either case: an answer revives the card.
  listen(
    model,
    "comm_live_update",
    () => {
      if (raw?.comm_live !== true) events.onClosed();
      events.onReplaced();
    },
    signal,
  );
  listen(model, "comm:close", () => events.onClosed(), signal);
  // A reload sends `pagehide` and no abort; a notebook tab closed in JupyterLab sends an abort when the comm
  // is already gone (docs/notebook.md 36).
  window.addEventListener("pagehide", () => events.onPageHidden(), { signal });
  window.addEventListener("pageshow", (event) => event.persisted && events.onPageRestored(), { signal });
}
