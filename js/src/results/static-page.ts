/**
 * Hides the static page of the same results, which a notebook keeps for readers without a kernel, while the card is
 * shown.
 */

/** The page is an output after the card's: it may come later, and come again when the notebook scrolls. */
const LOOK_AGAIN_MS = [0, 100, 300, 1000, 3000, 10_000];

function pagesOf(key: string): HTMLElement[] {
  return key ? [...document.querySelectorAll<HTMLElement>(`[data-rtnb-static="${CSS.escape(key)}"]`)] : [];
}

export function hasStaticPage(key: string): boolean {
  return pagesOf(key).length > 0;
}

export function hideStaticPage(key: string, signal: AbortSignal): void {
  if (signal.aborted) return;
  const hide = (hidden: boolean) => {
    for (const page of pagesOf(key)) page.hidden = hidden;
  };
  const timers = LOOK_AGAIN_MS.map((ms) => setTimeout(() => hide(true), ms));
  signal.addEventListener("abort", () => {
    timers.forEach(clearTimeout);
    hide(false);
  });
}
