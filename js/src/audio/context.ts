/** Makes and wakes AudioContexts. Knows nothing of microphones, speakers or messages. */

import { SoundError } from "./errors.js";

export function createContext(options?: AudioContextOptions): AudioContext {
  if (typeof AudioContext === "undefined")
    throw new SoundError("unsupported", "This browser has no Web Audio.");
  return new AudioContext({ latencyHint: "interactive", ...options });
}

/** True once the context runs; false where the browser still waits for a gesture (its promise then hangs). */
export async function wake(context: AudioContext, patience_ms = 400): Promise<boolean> {
  if (context.state === "running") return true;
  const patience = new Promise<void>((resolve) => setTimeout(resolve, patience_ms));
  await Promise.race([context.resume().catch(() => undefined), patience]);
  return isRunning(context);
}

// A function, because the compiler believes that the state it saw before an await is still the state.
function isRunning(context: AudioContext): boolean {
  return context.state === "running";
}
