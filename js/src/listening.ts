/**
 * One card of a page has the microphone: a card that opens it makes the others close theirs.
 *
 * Each card has its own copy of this module, so that only the window is shared.
 */

/** The event on `window`; its detail is the id of the card that opens its microphone. */
const LISTENING = "rtnb-listening";

export function announceListening(id: string): void {
  window.dispatchEvent(new CustomEvent(LISTENING, { detail: id }));
}

export function onOtherListening(id: string, callback: () => void, signal: AbortSignal): void {
  window.addEventListener(
    LISTENING,
    (event) => {
      if ((event as CustomEvent).detail !== id) callback();
    },
    { signal },
  );
}

export function newCardId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `p-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
