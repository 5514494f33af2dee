/**
 * When the microphone is on, and the numbering of what it says: mic.open, mic.frame, mic.close.
 *
 * The wish comes first and the device follows: a key released while the browser still asks for
 * permission closes the microphone as soon as it opens. Knows the microphone, not the DOM.
 */

import { type SoundError, toSoundError } from "./audio/errors.js";
import { type Mic, type MicEvents, type MicOptions, openMic } from "./audio/mic.js";
import type { PageMessage } from "./comm/messages.js";

export type MicState = "off" | "opening" | "on";

export interface TalkHost {
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  muted(): boolean;
  options(): MicOptions;
  /** The microphone is on, and its first frame comes next. */
  opened(): void;
  /** Offers a frame to the page's own socket; whether it went out there. */
  frame(frame: number, pcm: Int16Array): boolean;
  level(level: number): void;
  changed(): void;
  failed(error: SoundError): void;
}

export interface Talk {
  readonly state: MicState;
  on(): Promise<void>;
  /** Resolves when the last frame has been sent, to the number of frames that were. */
  off(): Promise<number>;
  close(): void;
}

export function createTalk(
  host: TalkHost,
  open: (options: MicOptions, events: MicEvents) => Promise<Mic> = openMic,
): Talk {
  let wanted = false;
  let state: MicState = "off";
  let mic: Mic | null = null;
  let frames = 0;
  let announced = false;
  let switching: Promise<void> = Promise.resolve();

  function become(next: MicState): void {
    if (state === next) return;
    state = next;
    host.changed();
  }

  const events: MicEvents = {
    frame(pcm, level) {
      if (!announced) return;
      if (host.muted()) {
        host.level(0);
        return;
      }
      host.level(level);
      const sent = host.frame(frames, pcm);
      host.send({ kind: "mic.frame", frame: frames++, level, sent }, pcm.buffer as ArrayBuffer);
    },
    lost(error) {
      wanted = false;
      fail(error);
      void settle();
    },
  };

  function fail(error: SoundError): void {
    host.send({ kind: "mic.error", reason: error.reason, message: error.message.slice(0, 500) });
    host.failed(error);
  }

  /** Brings the device to where it is wanted; one switch at a time, the last wish wins. */
  function settle(): Promise<void> {
    switching = switching.then(async () => {
      if (wanted && !mic) await start();
      if (!wanted && mic) await stop();
      if (!mic) become("off");
    });
    return switching;
  }

  async function start(): Promise<void> {
    frames = 0;
    become("opening");
    try {
      mic = await open(host.options(), events);
    } catch (error) {
      wanted = false;
      fail(toSoundError(error));
      return;
    }
    if (!wanted) return;
    announced = true;
    host.send({ kind: "mic.open", rate: mic.rate });
    host.opened();
    become("on");
  }

  async function stop(): Promise<void> {
    const closing = mic;
    await closing?.close();
    mic = null;
    if (announced) host.send({ kind: "mic.close", frames });
    announced = false;
    host.level(0);
  }

  return {
    get state() {
      return state;
    },
    on() {
      wanted = true;
      return settle();
    },
    off() {
      wanted = false;
      return settle().then(() => frames);
    },
    close() {
      wanted = false;
      void mic?.close();
    },
  };
}
