/** Shows the widget of a model in the page, as a host does. */

import type { HostModel } from "../src/host.js";
import widget from "../src/widget.js";

export function mounted(model: HostModel) {
  const life = new AbortController();
  const instance = widget();
  instance.initialize({ model, signal: life.signal });
  const el = document.createElement("div");
  document.body.append(el);
  instance.render({ model, el, signal: life.signal });
  const find = <T extends HTMLElement>(selector: string) => {
    const found = el.querySelector<T>(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  };
  return { instance, el, life, find };
}
