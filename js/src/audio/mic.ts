/**
 * Opens the microphone and delivers its frames: a capture context at the device's own rate, and its worklet.
 *
 * A headset that changes its rate, a device that is unplugged and a track that the system mutes are handled
 * alike: the graph is built anew and the stream of frames goes on (docs/notebook.md 13).
 *
 * Must not know messages.
 */

import captureSource from "worklet:capture";
import { loadWorklet } from "../worklets/load.js";
import type { CaptureCommand, CaptureMessage } from "../worklets/protocol.js";
import { createContext, wake } from "./context.js";
import { SoundError, toSoundError } from "./errors.js";

export interface MicOptions {
  /** The label or id of a device; empty: the browser's default. */
  device: string;
  echo_cancellation: boolean;
  noise_suppression: boolean;
  auto_gain_control: boolean;
}

export interface MicEvents {
  frame(pcm: Int16Array, level: number): void;
  /** The microphone was lost and could not be opened again. */
  lost(error: SoundError): void;
}

export interface Mic {
  /** Delivers the rest of the last frame, then releases the device. */
  close(): Promise<void>;
}

interface Graph {
  stream: MediaStream;
  flush(): Promise<void>;
  release(): void;
}

const FLUSH_TIMEOUT_MS = 200;
const REBUILD_AFTER_MS = 250;
const REBUILD_TRIES = 4;

export async function openMic(options: MicOptions, events: MicEvents): Promise<Mic> {
  let closed = false;
  let rebuilding = false;
  let graph = await buildGraph(options, events, disturbed);
  navigator.mediaDevices.addEventListener?.("devicechange", devicesChanged);

  function devicesChanged(): void {
    // Another device was plugged in or out: a microphone that still works is not interrupted.
    const track = graph.stream.getAudioTracks()[0];
    if (!track || track.readyState === "ended" || track.muted) void rebuild();
  }

  function disturbed(): void {
    void rebuild();
  }

  async function rebuild(): Promise<void> {
    if (closed || rebuilding) return;
    rebuilding = true;
    graph.release();
    let failure: SoundError | null = null;
    for (let attempt = 0; attempt < REBUILD_TRIES && !closed; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, REBUILD_AFTER_MS * 2 ** attempt));
      if (closed) break;
      try {
        graph = await buildGraph(options, events, disturbed);
        failure = null;
        break;
      } catch (error) {
        failure = toSoundError(error);
      }
    }
    rebuilding = false;
    if (closed) graph.release();
    else if (failure) events.lost(failure);
  }

  return {
    async close() {
      if (closed) return;
      closed = true;
      navigator.mediaDevices.removeEventListener?.("devicechange", devicesChanged);
      if (!rebuilding) await graph.flush();
      graph.release();
    },
  };
}

async function buildGraph(options: MicOptions, events: MicEvents, disturbed: () => void): Promise<Graph> {
  const stream = await openStream(options);
  let context: AudioContext | null = null;
  try {
    context = createContext();
    await Promise.all([wake(context), loadWorklet(context, captureSource)]);
    return wire(context, stream, events, disturbed);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    void context?.close();
    throw toSoundError(error);
  }
}

function wire(context: AudioContext, stream: MediaStream, events: MicEvents, disturbed: () => void): Graph {
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "rtnb-capture", {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  let released = false;
  let heard = false;
  let flushed: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    flushed = resolve;
  });
  node.port.onmessage = ({ data }: MessageEvent<CaptureMessage>) => {
    heard = true;
    if (data.kind === "closed") flushed();
    else if (!released) events.frame(data.pcm, data.level);
  };
  node.onprocessorerror = disturbed;
  source.connect(node);
  // Browsers run a worklet node whose output is not connected. If this one does not, connect the silent output.
  const unheard = setTimeout(() => {
    if (!heard && !released) node.connect(context.destination);
  }, 500);

  const track = stream.getAudioTracks()[0];
  const ended = () => {
    if (!released) disturbed();
  };
  // A track is also muted for a moment when another program opens the device: wait for it to come back.
  let mutedFor: ReturnType<typeof setTimeout> | undefined;
  const muted = () => {
    clearTimeout(mutedFor);
    mutedFor = setTimeout(ended, 1000);
  };
  const unmuted = () => clearTimeout(mutedFor);
  track?.addEventListener("ended", ended);
  track?.addEventListener("mute", muted);
  track?.addEventListener("unmute", unmuted);
  context.onstatechange = () => {
    if (!released && context.state !== "running") void wake(context);
  };

  return {
    stream,
    async flush() {
      const close: CaptureCommand = { kind: "close" };
      node.port.postMessage(close);
      await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, FLUSH_TIMEOUT_MS))]);
    },
    release() {
      if (released) return;
      released = true;
      clearTimeout(unheard);
      clearTimeout(mutedFor);
      track?.removeEventListener("ended", ended);
      track?.removeEventListener("mute", muted);
      track?.removeEventListener("unmute", unmuted);
      for (const each of stream.getTracks()) each.stop();
      source.disconnect();
      node.disconnect();
      if (context.state !== "closed") void context.close();
    },
  };
}

async function openStream(options: MicOptions): Promise<MediaStream> {
  // Plain http on another host has no `navigator.mediaDevices` (docs/notebook.md 18, 31).
  if (!window.isSecureContext) throw new SoundError("insecure", "The page is not a secure context.");
  const devices = navigator.mediaDevices;
  if (!devices?.getUserMedia) throw new SoundError("unsupported", "This browser offers no microphone.");
  try {
    const stream = await devices.getUserMedia({ audio: constraints(options, null) });
    const wanted = options.device;
    if (!wanted || stream.getAudioTracks()[0]?.label === wanted) return stream;
    // Browsers hide device labels until a microphone was allowed, so the named device is looked up second.
    const named = (await devices.enumerateDevices()).find(
      (device) => device.kind === "audioinput" && (device.label === wanted || device.deviceId === wanted),
    );
    for (const track of stream.getTracks()) track.stop();
    if (!named) throw new SoundError("missing", `There is no microphone called "${wanted}".`);
    return await devices.getUserMedia({ audio: constraints(options, named.deviceId) });
  } catch (error) {
    throw toSoundError(error, policyForbidsMicrophone());
  }
}

function constraints(options: MicOptions, deviceId: string | null): MediaTrackConstraints {
  return {
    channelCount: 1,
    // On by default for people; off in tests that compare samples (docs/notebook.md 14).
    echoCancellation: options.echo_cancellation,
    noiseSuppression: options.noise_suppression,
    autoGainControl: options.auto_gain_control,
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

function policyForbidsMicrophone(): boolean {
  const policy = (document as { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  return policy?.allowsFeature("microphone") === false;
}
