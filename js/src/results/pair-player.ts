/**
 * Plays one of several sounds at a time, from any place, and changes between them without a gap.
 *
 * Buffer sources rather than the worklet of the conversation: they start at once, and they play where a page has no
 * worklets (docs/notebook.md 31).
 */

import { createContext, wake } from "../audio/context.js";

export interface Sound {
  pcm: Int16Array;
  rate: number;
  /** A factor; with it the sounds are equally loud. */
  gain: number;
}

export interface PairPlayer {
  /** Replaces the sounds and stops what plays. */
  load(sounds: readonly Sound[]): void;
  /**
   * Plays a sound from a place in seconds; what played before ends. Resolves to true at its end, and to false if it was
   * stopped. `onStarted` is called when it begins. Call it in a gesture (docs/notebook.md 15).
   */
  play(index: number, from_s?: number, onStarted?: () => void): Promise<boolean>;
  stop(): void;
  /** The sound that plays, or null. */
  playing(): number | null;
  /** How many seconds of the sound that plays, or played last, were heard. */
  position_s(): number;
  duration_s(index: number): number;
}

/** A change in the middle of a sound clicks without a fade. */
const FADE_S = 0.008;

export class SilentPageError extends Error {
  constructor() {
    super("The browser plays no sound yet: click into the page, then play again.");
  }
}

export function createPairPlayer(signal: AbortSignal): PairPlayer {
  let context: AudioContext | null = null;
  let sounds: readonly Sound[] = [];
  let buffers: (AudioBuffer | null)[] = [];
  let current: { index: number; stop: () => void; position: () => number } | null = null;
  let last_s = 0;

  function duration_s(index: number): number {
    const sound = sounds[index];
    return sound && sound.rate > 0 ? sound.pcm.length / sound.rate : 0;
  }

  function stop(): void {
    current?.stop();
  }

  function bufferOf(index: number): AudioBuffer | null {
    const sound = sounds[index];
    if (!context || !sound || sound.pcm.length === 0) return null;
    const made = buffers[index] ?? context.createBuffer(1, sound.pcm.length, sound.rate);
    if (!buffers[index]) {
      const samples = made.getChannelData(0);
      for (let i = 0; i < sound.pcm.length; i++) samples[i] = ((sound.pcm[i] ?? 0) / 32768) * sound.gain;
      buffers[index] = made;
    }
    return made;
  }

  async function play(index: number, from_s = 0, onStarted?: () => void): Promise<boolean> {
    const wanted = sounds;
    context ??= createContext({ sampleRate: 24_000 });
    const own = context;
    if (!(await wake(own))) throw new SilentPageError();
    if (signal.aborted || sounds !== wanted) return false;
    stop();
    const buffer = bufferOf(index);
    if (!buffer) return false;
    const start_s = Math.min(Math.max(0, from_s), buffer.duration);
    const source = own.createBufferSource();
    const fader = own.createGain();
    source.buffer = buffer;
    source.connect(fader).connect(own.destination);
    const now = own.currentTime;
    if (start_s > 0) {
      fader.gain.setValueAtTime(0, now);
      fader.gain.linearRampToValueAtTime(1, now + FADE_S);
    }
    return new Promise((resolve) => {
      let stopped = false;
      const position = () =>
        Math.min(buffer.duration, start_s + Math.max(0, own.currentTime - now - (own.outputLatency || 0)));
      const self = {
        index,
        position,
        stop() {
          if (current !== self) return;
          last_s = position();
          stopped = true;
          current = null;
          const end = own.currentTime;
          fader.gain.cancelScheduledValues(end);
          fader.gain.setValueAtTime(fader.gain.value, end);
          fader.gain.linearRampToValueAtTime(0, end + FADE_S);
          source.stop(end + FADE_S);
          resolve(false);
        },
      };
      source.addEventListener("ended", () => {
        fader.disconnect();
        if (stopped) return;
        last_s = buffer.duration;
        if (current === self) current = null;
        resolve(true);
      });
      current = self;
      source.start(now, start_s);
      onStarted?.();
    });
  }

  signal.addEventListener("abort", () => {
    stop();
    void context?.close();
  });

  return {
    load(next) {
      stop();
      sounds = next;
      buffers = [];
      last_s = 0;
    },
    play,
    stop,
    playing: () => current?.index ?? null,
    position_s: () => current?.position() ?? last_s,
    duration_s,
  };
}

/** The samples of a buffer that the kernel sent; none where there is no buffer. */
export function samplesOf(buffer: DataView | undefined): Int16Array {
  if (!buffer) return new Int16Array(0);
  const even = buffer.byteLength - (buffer.byteLength % 2);
  // A copy: the view may begin at an odd place of a larger message.
  return new Int16Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + even) as ArrayBuffer);
}
