/** Asks the kernel and waits for its answers. Must not know what is asked. */

import { type HostModel, listen } from "../host.js";
import { fromKernel } from "./messages.js";

export interface Answer {
  content: Record<string, unknown>;
  buffers: readonly DataView[];
}

export interface ResultsChannel {
  /**
   * Asks the kernel; `request` is a kind of `REQUESTS` in realtime_nb/lab/view/requests.py.
   *
   * Rejects with an `Error` whose message can be shown: the kernel refused, or does not answer.
   */
  ask(request: string, content?: Record<string, unknown>): Promise<Answer>;
  /** Calls `listener` each time after rows have got other grades or ratings in the kernel. */
  onChanged(listener: () => void): void;
  /** Settles with the kernel's first answer: until then the card may be one of a notebook without its kernel. */
  readonly answered: Promise<void>;
  /** Ends with the view: listeners and sounds of a pane end with it. */
  readonly signal: AbortSignal;
}

/** A cell that runs may keep the kernel from answering. */
export const PATIENCE_MS = 60_000;

/**
 * When a question without an answer is sent again, under the same id, of which the kernel answers one. JupyterLab
 * prepares the kernel's second shell while the first card is drawn: the question before it goes to the main shell, and
 * waits there as long as cells run (docs/notebook.md 42).
 */
const ASK_AGAIN_MS = [1000, 5000];

const NO_KERNEL = "The kernel does not answer: it is busy, or was restarted. Run the cell again.";

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  timers: ReturnType<typeof setTimeout>[];
}

export function createChannel(model: HostModel, signal: AbortSignal): ResultsChannel {
  const waiting = new Map<string, Waiting>();
  const view = crypto.getRandomValues(new Uint32Array(2)).join("-"); // two views share a comm
  const changed: (() => void)[] = [];
  let asked = 0;
  let answers: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answers = resolve;
  });

  function settle(id: string): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    found?.timers.forEach(clearTimeout);
    return found;
  }

  listen(
    model,
    "msg:custom",
    (message: unknown, buffers: readonly DataView[] = []) => {
      const received = fromKernel(message);
      if (!received) return;
      answers();
      if (received.kind === "changed") {
        if (received.by.startsWith(`${view}-`)) return; // this view shows its own change already
        for (const listener of changed) listener();
        return;
      }
      const asker = settle(received.id);
      if (received.kind === "answer") asker?.resolve({ content: received.content, buffers });
      else asker?.reject(new Error(received.reason));
    },
    signal,
  );
  signal.addEventListener("abort", () => {
    for (const id of [...waiting.keys()]) settle(id)?.reject(new Error("The card was closed."));
  });

  return {
    answered,
    signal,
    onChanged(listener) {
      changed.push(listener);
    },
    ask(request, content = {}) {
      const id = `${view}-${++asked}`;
      return new Promise((resolve, reject) => {
        const send = () => {
          try {
            model.send({ kind: "ask", id, request, content });
          } catch {
            settle(id)?.reject(new Error(NO_KERNEL)); // the comm of a kernel that was shut down throws
          }
        };
        const timers = ASK_AGAIN_MS.map((ms) => setTimeout(send, ms));
        timers.push(setTimeout(() => settle(id)?.reject(new Error(NO_KERNEL)), PATIENCE_MS));
        waiting.set(id, { resolve, reject, timers });
        send();
      });
    },
  };
}
