/**
 * Finds out whether a kernel answers on the comm: says hello until it is answered, then sends heartbeats: every
 * second while sound, the microphone or an answer is under way, else every 20 s (docs/notebook.md 5).
 *
 * Counts unanswered beats instead of elapsed time: browsers throttle the timers of a page in the background
 * and stop them while the computer sleeps, and neither must look like a silent kernel.
 *
 * Must not know what the messages contain.
 */

/** "waiting": no answer yet. "quiet": no answer for a while. "gone": the comm is closed. */
export type Kernel = "waiting" | "ok" | "quiet" | "gone";

interface HeartbeatHost {
  hello(): void;
  /** Sends a heartbeat that says in how many seconds the next one follows. */
  beat(every: number): void;
  /** Whether sound, the microphone or an answer is under way. */
  active(): boolean;
  onKernelChanged(kernel: Kernel): void;
  /** The kernel has left so many beats unanswered; called again every half minute. */
  onUnanswered(beats: number): void;
}

interface Heartbeat {
  readonly kernel: Kernel;
  /** A message of the kernel arrived. `synced`: a snapshot has been delivered. */
  onMessage(synced: boolean): void;
  /** Says hello and asks for a snapshot: after missed messages, or when the comm may be back. */
  greet(): void;
  /** The comm was closed. */
  onCommClosed(): void;
  close(): void;
}

const BEAT_S = 1;
const IDLE_BEAT_S = 20;
const QUIET_AFTER_BEATS = 6;
/** The same for a kernel that has never answered: most likely there is none (docs/notebook.md 22). */
const ABSENT_AFTER_BEATS = 2;
/** How often the host is reminded of a kernel that does not answer. */
const REMIND_EVERY_BEATS = 30;
const SLOWEST_HELLO_BEATS = 10;

export function createHeartbeat(host: HeartbeatHost): Heartbeat {
  let kernel: Kernel = "waiting";
  let synced = false;
  let unanswered = 0;
  let untilHello = 0;
  let helloEvery = 1;
  let every = BEAT_S;
  let beatAt = 0;

  const timer = setInterval(tick, BEAT_S * 1000);

  function become(next: Kernel): void {
    if (kernel === next) return;
    kernel = next;
    host.onKernelChanged(next);
  }

  function tick(): void {
    if (kernel === "gone") return;
    const before = every;
    every = host.active() ? BEAT_S : IDLE_BEAT_S;
    // A beat without an answer is repeated every second. The clock counts, because a page in the background ticks
    // once a minute at the worst.
    const since = (performance.now() - beatAt) / 1000 + BEAT_S / 2;
    if (synced && unanswered === 0 && every === before && since < every) return;
    unanswered += 1;
    if (unanswered > (kernel === "waiting" ? ABSENT_AFTER_BEATS : QUIET_AFTER_BEATS)) become("quiet");
    if (unanswered % REMIND_EVERY_BEATS === 0) host.onUnanswered(unanswered);
    if (synced) {
      beatAt = performance.now();
      host.beat(every);
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
    onMessage(nowSynced) {
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
    onCommClosed: () => become("gone"),
    close: () => clearInterval(timer),
  };
}
