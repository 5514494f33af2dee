/**
 * Hides the static page of the same results, which a notebook keeps for readers without a kernel, while the card is
 * shown.
 */

function placesOf(key: string): string {
  return `[data-rtnb-static="${CSS.escape(key)}"]`;
}

export function hasStaticPage(key: string): boolean {
  return key !== "" && document.querySelector(placesOf(key)) !== null;
}

/** Hides the page until the signal aborts. It comes after the card, some seconds later, and again when it scrolls. */
export function hideStaticPage(key: string, signal: AbortSignal): void {
  if (signal.aborted || key === "") return;
  const style = document.createElement("style");
  style.textContent = `${placesOf(key)} { display: none; }`;
  document.head.append(style);
  signal.addEventListener("abort", () => style.remove(), { once: true });
}
