/** Plays a part of a recording once. Call it in a gesture (docs/notebook.md 15). */

import { createSpeaker } from "../audio/speaker.js";

interface Playing {
  /** The seconds that have been played. */
  position(): number;
  stop(): void;
}

export async function play(pcm: Int16Array, onEnded: () => void): Promise<Playing> {
  let began: number | null = null;
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    speaker.close();
    onEnded();
  };
  const speaker = createSpeaker((report) => {
    if (report.replaying) began ??= performance.now();
    else if (began !== null) end();
  });
  await speaker.unlock();
  speaker.replay(Int16Array.from(pcm)); // a copy, because the worklet takes its memory
  return {
    position: () => (began === null ? 0 : (performance.now() - began) / 1000),
    stop: end,
  };
}
