/** Shows the key of a button on it; screen readers get the key as a shortcut, and the button keeps its name. */

import { h, setAttribute } from "../view/dom.js";

export function withKey(element: HTMLButtonElement, key: string): void {
  element.append(h("kbd", { "aria-hidden": "true" }, key));
  setAttribute(element, "aria-keyshortcuts", key);
}
