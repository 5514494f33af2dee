/**
 * The microphone of one engine: a capture context at the device's own rate, and its worklet.
 *
 * A headset that changes its rate, a device that goes away and a track that the system mutes all end
 * in the same place: the graph is built anew and the stream of frames goes on. Knows no messages.
 */

import captureSource from "worklet:capture";
import { loadWorklet } from "../worklets/load.js";
import type { CaptureCommand, CaptureMessage } from "../worklets/protocol.js";
import { createContext, wake } from "./context.js";
import { SoundError, toSoundError } from "./errors.js";

export interface MicOptions {
  device?: string | null;
  echo_cancellation?: boolean;
  noise_suppression?: boolean;
  auto_gain_control?: boolean;
}

export interface MicEvents {
  frame(pcm: Int16Array, level: number): void;
  /** The microphone went away and did not come back. */
  lost(error: SoundError): void;
}

export interface Mic {
  readonly rate: number;
  /** Sends what is left of the last frame, then lets go of the device. */
  close(): Promise<void>;
}

interface Graph {
  rate: number;
  settled: Promise<void>;
  stream: MediaStream;
  flush(): Promise<void>;
  release(): void;
}

const FLUSH_PATIENCE_MS = 200;
const REBUILD_AFTER_MS = 250;
const REBUILD_TRIES = 4;

export async function openMic(options: MicOptions, events: MicEvents): Promise<Mic> {
  let closed = false;
  let rebuilding = false;
  let graph = await buildGraph(options, events, disturbed);
  const rate = graph.rate;
  navigator.mediaDevices.addEventListener?.("devicechange", devicesChanged);

  function devicesChanged(): void {
    // Plugging in something else is no reason to interrupt a microphone that still works.
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
    rate,
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
  // Browsers run a worklet that leads nowhere; for one that does not, its silent output is connected.
  const unheard = setTimeout(() => {
    if (!heard && !released) node.connect(context.destination);
  }, 500);

  const track = stream.getAudioTracks()[0];
  const ended = () => {
    if (!released) disturbed();
  };
  // A track is also muted for a moment when another program takes the device: wait for it to come back.
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
    rate: context.sampleRate,
    stream,
    settled,
    async flush() {
      const close: CaptureCommand = { kind: "close" };
      node.port.postMessage(close);
      await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, FLUSH_PATIENCE_MS))]);
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
  if (!window.isSecureContext) throw new SoundError("insecure", "The page is not a secure context.");
  const devices = navigator.mediaDevices;
  if (!devices?.getUserMedia) throw new SoundError("unsupported", "This browser offers no microphone.");
  try {
    const stream = await devices.getUserMedia({ audio: constraints(options, null) });
    const wanted = options.device;
    if (!wanted || stream.getAudioTracks()[0]?.label === wanted) return stream;
    // Labels can be read only once the microphone was allowed, so the named device is found second.
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
    echoCancellation: options.echo_cancellation ?? true,
    noiseSuppression: options.noise_suppression ?? true,
    autoGainControl: options.auto_gain_control ?? true,
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

function policyForbidsMicrophone(): boolean {
  const policy = (document as { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  return policy?.allowsFeature("microphone") === false;
}
