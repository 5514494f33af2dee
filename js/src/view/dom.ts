/** Creates elements. Transcripts are untrusted: strings become text nodes and attributes, never markup. */

type Attributes = Record<string, string | boolean | number | null>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children);
  return element;
}

/** Sets an attribute: `true` is an empty one, `false` and null remove it. */
export function setAttribute(element: Element, name: string, value: string | boolean | number | null): void {
  if (value === false || value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value))
    element.setAttribute(name, value === true ? "" : String(value));
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Creates a button named by its text; `icon` is a character hidden from screen readers. */
export function button(name: string, className: string, icon = ""): HTMLButtonElement {
  const element = h("button", { type: "button", class: `rtnb-button ${className}` });
  if (icon) element.append(h("span", { class: "rtnb-icon", "aria-hidden": "true" }, icon));
  element.append(h("span", {}, name));
  return element;
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
