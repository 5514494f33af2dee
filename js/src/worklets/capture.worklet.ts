/** Microphone blocks at the context's rate in, 24 kHz PCM16 frames out. A shell over audio/. */

import { createFramer } from "../audio/framer.js";
import { RATE_HZ, rmsLevel, toPcm16 } from "../audio/pcm.js";
import { createResampler } from "../audio/resampler.js";
import type { CaptureCommand, CaptureMessage } from "./protocol.js";

/** 40 ms: below that the comm backs up, above it adds delay (measured; see notebook.md). */
const FRAME_SAMPLES = 960;

class CaptureProcessor extends AudioWorkletProcessor {
  #resampler = createResampler(sampleRate, RATE_HZ);
  #framer = createFramer(FRAME_SAMPLES);
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
