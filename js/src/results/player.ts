/**
 * Plays one clip at a time, for a whole page: a clip that begins stops the one before.
 *
 * A plain buffer source, not an audio worklet: it plays on a page without a secure context, too (docs/notebook.md 31).
 */

export interface Clip {
  readonly samples: Int16Array;
  readonly rate: number;
}

export interface Playing {
  /** The seconds of the clip that have been played. */
  position(): number;
  stop(): void;
}

export interface PlayOptions {
  /** Where in the clip it begins, in seconds. */
  from?: number;
  /** A factor of its loudness, such as that of level matching. */
  gain?: number;
  /** Called once, when the clip is over or was stopped; `finished` says which. */
  onEnd?(finished: boolean): void;
}

let context: AudioContext | null = null;
let current: Playing | null = null;

/** Begins to play. Call it in a gesture (docs/notebook.md 15). */
export function play(clip: Clip, { from = 0, gain = 1, onEnd }: PlayOptions = {}): Playing {
  current?.stop();
  context ??= new AudioContext();
  const audio = context;
  void audio.resume();
  const buffer = audio.createBuffer(1, Math.max(1, clip.samples.length), clip.rate);
  buffer.copyToChannel(
    Float32Array.from(clip.samples, (sample) => sample / 32768),
    0,
  );
  const source = new AudioBufferSourceNode(audio, { buffer });
  const level = new GainNode(audio, { gain });
  source.connect(level).connect(audio.destination);
  const began = audio.currentTime - from;
  let over = false;
  function end(finished: boolean): void {
    if (over) return;
    over = true;
    source.disconnect();
    level.disconnect();
    if (current === playing) current = null;
    onEnd?.(finished);
  }
  const playing: Playing = {
    position: () => Math.max(from, Math.min(buffer.duration, audio.currentTime - began)),
    stop() {
      source.stop();
      end(false);
    },
  };
  source.onended = () => end(true);
  source.start(0, Math.min(from, buffer.duration));
  current = playing;
  return playing;
}

/** The clip of an answer `{rate}` with one buffer of PCM16; null where no sound was kept. */
export function clipOf(rate: unknown, view: DataView | undefined): Clip | null {
  if (typeof rate !== "number" || rate < 3000 || rate > 192_000 || !view || view.byteLength < 2) return null;
  const end = view.byteOffset + 2 * Math.floor(view.byteLength / 2);
  return { rate, samples: new Int16Array(view.buffer.slice(view.byteOffset, end) as ArrayBuffer) };
}
