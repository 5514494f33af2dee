/** The playback worklet: plays sound by the page's commands and reports the played samples. A thin shell over audio/player.ts. */

import { RATE_HZ } from "../audio/pcm.js";
import { createPlayer } from "../audio/player.js";
import type { PlayerCommand, PlayerMessage } from "./protocol.js";

// Without a prebuffer, real-time pacing causes underruns (docs/notebook.md 17).
const PREBUFFER_SAMPLES = 0.08 * RATE_HZ;
const REPORT_EVERY_SAMPLES = 0.064 * RATE_HZ;

class PlaybackProcessor extends AudioWorkletProcessor {
  #player = createPlayer(PREBUFFER_SAMPLES);
  #sinceReport = 0;
  #energy = 0;
  #last = "";
  #changes = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlayerCommand | PlayerCommand[]>) => {
      for (const command of Array.isArray(data) ? data : [data]) this.#obey(command);
    };
  }

  #obey(data: PlayerCommand): void {
    switch (data.kind) {
      case "audio":
        this.#player.audio(data.epoch, data.itemId, data.contentIndex, data.start, data.pcm);
        break;
      case "done":
        this.#player.done(data.epoch, data.itemId, data.contentIndex);
        break;
      case "flush":
        this.#post({ kind: "flushed", ticket: data.ticket, items: this.#player.flush(data.epoch) });
        break;
      case "replay":
        this.#player.replay(data.pcm);
        break;
      case "stop-replay":
        this.#player.stopReplay();
    }
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (!out) return true;
    this.#player.render(out);
    for (const sample of out) this.#energy += sample * sample;
    this.#sinceReport += out.length;
    if (this.#sinceReport >= REPORT_EVERY_SAMPLES || this.#player.changes !== this.#changes) this.#report();
    return true;
  }

  #report(): void {
    const level = Math.sqrt(this.#energy / this.#sinceReport);
    this.#changes = this.#player.changes;
    this.#sinceReport = 0;
    this.#energy = 0;
    const report = this.#player.report();
    const text = JSON.stringify(report);
    // An unchanged report during silence is not sent.
    if (text === this.#last && level === 0) return;
    this.#last = text;
    this.#post({ kind: "report", report, level });
  }

  #post(message: PlayerMessage): void {
    this.port.postMessage(message);
  }
}

registerProcessor("rtnb-playback", PlaybackProcessor);
