/**
 * Is there a kernel behind the comm? Says hello until it is answered, then beats once a second.
 *
 * Beats without an answer are counted instead of time: a page in the background is given few timers,
 * and its own sleep must not look like the kernel's silence.
 */

export type Kernel = "waiting" | "ok" | "quiet" | "gone";

export interface PulseHost {
  hello(): void;
  beat(): void;
  changed(kernel: Kernel): void;
  /** Silent for so long that nobody should still be listened to on its behalf; said again every half minute. */
  forsaken(beats: number): void;
}

export interface Pulse {
  readonly kernel: Kernel;
  /** Something arrived. `synced`: a snapshot has been delivered. */
  alive(synced: boolean): void;
  /** Start anew: after a missed message, or when a comm came back. */
  greet(): void;
  /** The comm is gone for certain. */
  lost(): void;
  close(): void;
}

const BEAT_MS = 1000;
const QUIET_AFTER_BEATS = 6;
const FORSAKEN_AFTER_BEATS = 30;
const SLOWEST_HELLO_BEATS = 10;

export function createPulse(host: PulseHost): Pulse {
  let kernel: Kernel = "waiting";
  let synced = false;
  let unanswered = 0;
  let untilHello = 0;
  let helloEvery = 1;

  const timer = setInterval(tick, BEAT_MS);

  function become(next: Kernel): void {
    if (kernel === next) return;
    kernel = next;
    host.changed(next);
  }

  function tick(): void {
    if (kernel === "gone") return;
    unanswered += 1;
    if (unanswered > QUIET_AFTER_BEATS) become("quiet");
    if (unanswered % FORSAKEN_AFTER_BEATS === 0) host.forsaken(unanswered);
    if (synced) {
      host.beat();
      return;
    }
    untilHello -= 1;
    if (untilHello > 0) return;
    helloEvery = Math.min(SLOWEST_HELLO_BEATS, helloEvery * 2);
    untilHello = helloEvery;
    host.hello();
  }

  return {
    get kernel() {
      return kernel;
    },
    alive(nowSynced) {
      unanswered = 0;
      synced ||= nowSynced;
      if (synced) become("ok");
    },
    greet() {
      synced = false;
      unanswered = 0;
      helloEvery = 1;
      untilHello = 2;
      host.hello();
    },
    lost: () => become("gone"),
    close: () => clearInterval(timer),
  };
}
