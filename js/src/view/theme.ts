/**
 * Is the notebook light or dark? Asked of what is really painted, because each host says it in its own way.
 *
 * Order: JupyterLab's attribute, the theme's own background colour, what lies behind the card, the system.
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
  // A view is rendered before it is in the page: its first size is the first moment to look.
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

/** 0..1 of a computed `rgb()` colour; null where it is (nearly) transparent or of another form. */
export function luminanceOf(colour: string): number | null {
  const parts = /^rgba?\(([^)]+)\)$/
    .exec(colour)?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  if (!parts || parts.length < 3 || parts.some(Number.isNaN) || (parts[3] ?? 1) < 0.5) return null;
  const [red = 0, green = 0, blue = 0] = parts;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}
