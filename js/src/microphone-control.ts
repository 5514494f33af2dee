/**
 * Switches the microphone on and off and reports it to the kernel: mic.open, numbered mic.frame, mic.close.
 *
 * Owns the wanted state and the device's state; the device follows what is wanted. A Talk button released
 * while the browser still asks for permission closes the microphone as soon as it opens.
 *
 * Must not know the DOM.
 */

import { type SoundError, toSoundError } from "./audio/errors.js";
import { type Mic, type MicEvents, type MicOptions, openMic } from "./audio/mic.js";
import type { PageMessage } from "./comm/messages.js";

export type MicState = "off" | "opening" | "on";

interface MicrophoneHost {
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  muted(): boolean;
  options(): MicOptions;
  /** The microphone is on; its first frame follows. */
  onOpened(): void;
  /** Offers a frame to the page's own socket and returns whether it was sent there. */
  sendDirect(frame: number, pcm: Int16Array): boolean;
  onLevel(level: number): void;
  onChanged(): void;
  onFailed(error: SoundError): void;
}

interface MicrophoneControl {
  readonly state: MicState;
  on(): Promise<void>;
  /** Resolves to the number of frames sent, after the last one was. */
  off(): Promise<number>;
  /** Opens the device again, if it is open: its options have changed. */
  again(): Promise<void>;
  close(): void;
}

export function createMicrophoneControl(
  host: MicrophoneHost,
  open: (options: MicOptions, events: MicEvents) => Promise<Mic> = openMic,
): MicrophoneControl {
  let wanted = false;
  let state: MicState = "off";
  let mic: Mic | null = null;
  let frames = 0;
  /** mic.open was sent: frames may follow. */
  let announced = false;
  let switching: Promise<void> = Promise.resolve();

  function become(next: MicState): void {
    if (state === next) return;
    state = next;
    host.onChanged();
  }

  const events: MicEvents = {
    frame(pcm, level) {
      if (!announced) return;
      if (host.muted()) {
        host.onLevel(0);
        return;
      }
      host.onLevel(level);
      const sent = host.sendDirect(frames, pcm);
      // The comm may hold it up: the kernel drops what is too old, and only this clock says how old it is.
      const at = Math.round(performance.now());
      host.send({ kind: "mic.frame", frame: frames++, level, sent, at }, pcm.buffer as ArrayBuffer);
    },
    lost(error) {
      wanted = false;
      fail(error);
      void settle();
    },
  };

  function fail(error: SoundError): void {
    host.send({ kind: "mic.error", reason: error.reason, message: error.message.slice(0, 500) });
    host.onFailed(error);
  }

  /** Brings the device to the wanted state, one switch at a time: the last wish wins. */
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
    host.send({ kind: "mic.open" });
    host.onOpened();
    become("on");
  }

  async function stop(): Promise<void> {
    const closing = mic;
    await closing?.close();
    mic = null;
    if (announced) host.send({ kind: "mic.close", frames });
    announced = false;
    host.onLevel(0);
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
    again() {
      switching = switching.then(async () => {
        if (!mic) return;
        await stop();
        if (wanted) await start();
        if (!mic) become("off");
      });
      return switching;
    },
    close() {
      wanted = false;
      void mic?.close();
    },
  };
}
