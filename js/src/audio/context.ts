/** Creates and resumes AudioContexts. Must not know microphones, speakers or messages. */

import { SoundError } from "./errors.js";

export function createContext(options?: AudioContextOptions): AudioContext {
  if (typeof AudioContext === "undefined")
    throw new SoundError("unsupported", "This browser has no Web Audio.");
  return new AudioContext({ latencyHint: "interactive", ...options });
}

/**
 * Resumes a context and resolves to whether it runs.
 *
 * False where the browser still waits for a gesture: the promise of `resume` is then never settled, hence the
 * time limit (docs/notebook.md 15). The context is tried before it is called blocked: on a page that was touched
 * before, it starts without a new gesture (docs/notebook.md 30).
 */
export async function wake(context: AudioContext, timeout_ms = 400): Promise<boolean> {
  if (context.state === "running") return true;
  const timeout = new Promise<void>((resolve) => setTimeout(resolve, timeout_ms));
  await Promise.race([context.resume().catch(() => undefined), timeout]);
  return isRunning(context);
}

// A function, because the compiler believes that the state it saw before an await is still the state.
function isRunning(context: AudioContext): boolean {
  return context.state === "running";
}
