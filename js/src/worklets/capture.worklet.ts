/**
 * The capture worklet: turns microphone blocks at the context's rate into frames of 24 kHz PCM16.
 *
 * A thin shell over audio/. Resamples here because Firefox refuses a microphone in a context of another rate
 * (docs/notebook.md 13).
 */

import { createFramer } from "../audio/framer.js";
import { RATE_HZ, rmsLevel, toPcm16 } from "../audio/pcm.js";
import { createResampler } from "../audio/resampler.js";
import type { CaptureCommand, CaptureMessage } from "./protocol.js";

class CaptureProcessor extends AudioWorkletProcessor {
  #resampler = createResampler(sampleRate, RATE_HZ);
  #framer = createFramer();
  #closed = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<CaptureCommand>) => {
      if (data.kind !== "close" || this.#closed) return;
      this.#closed = true;
      this.#emit(this.#framer.push(this.#resampler.flush()));
      const rest = this.#framer.flush();
      if (rest) this.#emit([rest]);
      this.#post({ kind: "closed" });
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (channel && !this.#closed) this.#emit(this.#framer.push(this.#resampler.process(channel)));
    return !this.#closed;
  }

  #emit(frames: Float32Array[]): void {
    for (const frame of frames) {
      const pcm = toPcm16(frame);
      this.#post({ kind: "frame", pcm, level: rmsLevel(pcm) }, [pcm.buffer as ArrayBuffer]);
    }
  }

  #post(message: CaptureMessage, transfer: Transferable[] = []): void {
    this.port.postMessage(message, transfer);
  }
}

registerProcessor("rtnb-capture", CaptureProcessor);
