/** What the host tells of the comm and of the page: messages, a comm that died or came back, a page that goes. */

import { type HostModel, listen } from "../host.js";

export interface CommEvents {
  receive(content: unknown, buffers: readonly unknown[]): void;
  /** The comm is dead, as far as the host knows. */
  lost(): void;
  /** The comm is not what it was: whether a kernel answers can only be asked. */
  changed(): void;
  hidden(): void;
  /** The page is back from the browser's cache, with an engine whose kernel forgot it. */
  shown(): void;
}

export function watchComm(model: HostModel, signal: AbortSignal, events: CommEvents): void {
  listen(
    model,
    "msg:custom",
    (content: unknown, buffers: readonly unknown[] = []) => events.receive(content, buffers),
    signal,
  );
  // The proxy hides the model itself, and with it `comm_live`; a change event hands it over.
  let raw: { comm_live?: unknown } | null = null;
  listen(
    model,
    "change",
    (changed: unknown) => {
      raw = changed as typeof raw;
    },
    signal,
  );
  // ipywidgets' manager sets `comm_live` false for every model when a kernel restarts.
  listen(
    model,
    "comm_live_update",
    () => {
      if (raw?.comm_live !== true) events.lost();
      // If that was wrong, the answer says so.
      events.changed();
    },
    signal,
  );
  listen(model, "comm:close", () => events.lost(), signal);
  window.addEventListener("pagehide", () => events.hidden(), { signal });
  window.addEventListener("pageshow", (event) => event.persisted && events.shown(), { signal });
}
