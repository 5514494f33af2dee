/**
 * Loads a worklet from its text: by Blob URL, else by data: URL, else fails with the policy that forbids both.
 *
 * The notebooks' default policies allow Blob URLs; strict hubs may not (docs/notebook.md 12).
 */

import { SoundError } from "../audio/errors.js";

export async function loadWorklet(context: BaseAudioContext, source: string): Promise<void> {
  if (!context.audioWorklet) {
    throw new SoundError(
      "unsupported",
      window.isSecureContext
        ? "This browser has no AudioWorklet."
        : "Browsers allow sound processing on https or localhost pages only.",
    );
  }
  const blobUrl = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(blobUrl);
  } catch {
    try {
      await context.audioWorklet.addModule(
        `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`,
      );
    } catch (cause) {
      throw new SoundError(
        "blocked",
        "This page's Content-Security-Policy forbids audio worklets from blob: and data: URLs. " +
          "The administrator of the server can allow them with script-src blob: (or worker-src blob:).",
        cause,
      );
    }
  } finally {
    URL.revokeObjectURL(blobUrl);
  }
}
