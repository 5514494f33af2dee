/** Declares the messages between the page and its worklets. Types only. */

import type { PlayedItem, PlayerReport } from "../audio/player.js";

export type PlayerCommand =
  | { kind: "audio"; epoch: number; itemId: string; contentIndex: number; start: number; pcm: Int16Array }
  | { kind: "done"; epoch: number; itemId: string; contentIndex: number }
  | { kind: "flush"; epoch: number; ticket: number }
  | { kind: "replay"; pcm: Int16Array }
  | { kind: "stop-replay" };

export type PlayerMessage =
  | { kind: "report"; report: PlayerReport; level: number }
  | { kind: "flushed"; ticket: number; items: PlayedItem[] };

export type CaptureCommand = { kind: "close" };

export type CaptureMessage = { kind: "frame"; pcm: Int16Array; level: number } | { kind: "closed" };
