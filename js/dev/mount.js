/** Mounts the real bundle with a fake model and brings it to the state that the query names. */

import widget from "../../realtime_nb/static/widget.js";
import { createFakeModel, tone, turn } from "./fake-model.js";
import { installFakeSound } from "./fake-sound.js";
import { STATES } from "./states.js";

/** Time for the sound to start, and for the meter to fill its strip. */
const SETTLE_MS = 1200;

export async function mount(host, query) {
  const state = STATES[query.get("state") ?? "idle"];
  if (!state) throw new Error(`There is no state ${query.get("state")}.`);
  document.body.dataset.jpThemeLight = String(query.get("theme") !== "dark");
  document.documentElement.dir = state.page ?? "ltr";
  if (query.has("width")) host.style.width = `${query.get("width")}px`;
  if (state.fast) {
    const setInterval = window.setInterval;
    window.setInterval = (run, ms, ...rest) => setInterval(run, ms / 50, ...rest);
  }
  installFakeSound(state.sound);

  const { model, kernel } = createFakeModel(state.traits);
  kernel.earlier = state.earlier ?? 0;
  kernel.answering = !state.silent;
  const { signal } = new AbortController();
  const instance = widget();
  instance.initialize({ model, signal });
  instance.render({ model, el: host, signal });
  followSize(host);
  // For the console.
  Object.assign(window, { model, kernel, turn, tone });

  await sleep(0);
  await state.act?.({ model, kernel, press, sleep });
  await sleep(SETTLE_MS);
}

/** On the overview the frame is as high as the card. */
function followSize(host) {
  const frame = window.frameElement;
  if (!frame) return;
  new ResizeObserver(() => {
    frame.style.height = `${host.getBoundingClientRect().bottom + 8}px`;
  }).observe(host);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Presses the first button with this name, as a user would. */
async function press(name) {
  const button = [...document.querySelectorAll(".rtnb-card button")].find(
    (each) => each.lastElementChild?.textContent === name || each.getAttribute("aria-label") === name,
  );
  button.click();
  await sleep(50);
}
