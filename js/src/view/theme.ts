/**
 * Finds out whether the notebook is light or dark and sets `data-theme` on the card.
 *
 * Every host declares its theme in its own way, so the painted colours are measured. Order: JupyterLab's
 * attribute, the theme's background colour, the background behind the card, the system's preference.
 */

import { setAttribute } from "./dom.js";

export function followTheme(card: HTMLElement, signal: AbortSignal): void {
  const system = window.matchMedia?.("(prefers-color-scheme: dark)");
  const apply = () =>
    setAttribute(card, "data-theme", isDark(card, system?.matches === true) ? "dark" : "light");
  system?.addEventListener?.("change", apply, { signal });
  const attributes = new MutationObserver(apply);
  for (const element of [document.documentElement, document.body])
    attributes.observe(element, {
      attributes: true,
      attributeFilter: ["class", "style", "theme", "data-jp-theme-light", "data-theme"],
    });
  // A view may be rendered before it is in the page (docs/notebook.md 36): measure again at its first size.
  const placed = new ResizeObserver(() => {
    placed.disconnect();
    apply();
  });
  placed.observe(card);
  signal.addEventListener("abort", () => {
    attributes.disconnect();
    placed.disconnect();
  });
  apply();
}

function isDark(card: HTMLElement, system: boolean): boolean {
  const said = document.body.dataset.jpThemeLight;
  if (said !== undefined) return said === "false";
  const themed = getComputedStyle(card).getPropertyValue("--jp-layout-color1").trim() !== "";
  for (let element = themed ? card : card.parentElement; element; element = element.parentElement) {
    const luminance = luminanceOf(getComputedStyle(element).backgroundColor);
    if (luminance !== null) return luminance < 0.4;
  }
  return system;
}

/** The luminance, 0..1, of a computed `rgb()` colour; null where it is transparent or of another form. */
export function luminanceOf(colour: string): number | null {
  const parts = /^rgba?\(([^)]+)\)$/
    .exec(colour)?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  if (!parts || parts.length < 3 || parts.some(Number.isNaN) || (parts[3] ?? 1) < 0.5) return null;
  const [red = 0, green = 0, blue = 0] = parts;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}
