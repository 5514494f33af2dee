/**
 * Resamples a stream with a polyphase filter: any block sizes give the same samples as one block.
 *
 * The filter is a Kaiser-windowed sinc, flat to 90 % of the lower Nyquist frequency and 80 dB down
 * where aliases would fall. Output sample n is at the time of input sample n * source / target: the
 * filter is centred and adds no delay; `flush` returns the last samples. State is continuous over blocks
 * (docs/notebook.md 13; docs/protocol.md 12).
 */

const PASSBAND = 0.91;
const STOPBAND_DB = 80;

interface Resampler {
  process(block: Float32Array): Float32Array;
  /** The last samples, computed with silence after the end of the input. */
  flush(): Float32Array;
}

export function createResampler(sourceHz: number, targetHz: number): Resampler {
  const source = Math.round(sourceHz);
  const target = Math.round(targetHz);
  if (source === target) return { process: (block) => block.slice(), flush: () => new Float32Array(0) };

  const divisor = gcd(source, target);
  const up = target / divisor;
  const down = source / divisor;
  const { taps, half } = design(source, target, up);
  const width = 2 * half;

  // `history` starts at input sample `first`; zeros before the first input are silence.
  let history = new Float32Array(half - 1);
  let first = -(half - 1);
  let received = 0;
  let produced = 0;

  function drain(limit: number): Float32Array {
    const out = new Float32Array(Math.max(0, limit - produced));
    for (let n = 0; n < out.length; n++, produced++) {
      const time = produced * down;
      const phase = time % up;
      const start = (time - phase) / up - (half - 1) - first;
      const row = phase * width;
      let sum = 0;
      for (let k = 0; k < width; k++) sum += (taps[row + k] ?? 0) * (history[start + k] ?? 0);
      out[n] = sum;
    }
    const keepFrom = Math.floor((produced * down) / up) - (half - 1);
    const drop = Math.min(Math.max(0, keepFrom - first), history.length);
    history = history.slice(drop);
    first += drop;
    return out;
  }

  function feed(block: Float32Array): void {
    const joined = new Float32Array(history.length + block.length);
    joined.set(history);
    joined.set(block, history.length);
    history = joined;
  }

  return {
    process(block) {
      feed(block);
      received += block.length;
      // Output n needs the inputs up to floor(n * down / up) + half.
      return drain(Math.ceil(((received - half) * up) / down));
    },
    flush() {
      feed(new Float32Array(half));
      return drain(Math.ceil((received * up) / down));
    },
  };
}

/** One row of 2 * half taps a phase; each row sums to one, so that a constant stays constant. */
function design(source: number, target: number, up: number): { taps: Float32Array; half: number } {
  const nyquist = Math.min(source, target) / 2;
  const transition = 2 * (1 - PASSBAND) * nyquist;
  const cutoff = ((1 + PASSBAND) / 2) * nyquist + transition / 8;
  const half = Math.ceil((STOPBAND_DB - 8) / (2.285 * 2 * Math.PI * (transition / 2 / source)) / 2);
  const beta = 0.1102 * (STOPBAND_DB - 8.7);
  const width = 2 * half;
  const taps = new Float32Array(up * width);
  const scale = (2 * cutoff) / source;
  for (let phase = 0; phase < up; phase++) {
    const row = new Float64Array(width);
    let total = 0;
    for (let k = 0; k < width; k++) {
      const distance = k - (half - 1) - phase / up;
      const value = sinc(scale * distance) * kaiser(distance / half, beta);
      row[k] = value;
      total += value;
    }
    for (let k = 0; k < width; k++) taps[phase * width + k] = (row[k] ?? 0) / total;
  }
  return { taps, half };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number, beta: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x)) / besselI0(beta);
}

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
