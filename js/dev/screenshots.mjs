/**
 * Takes a picture of the card in every state, width and theme: `npm run screenshots [-- PART_OF_A_STATE...]`.
 *
 * Writes dev/out/STATE-WIDTH-THEME.png and prints what reaches out of the card's frame. Drives the system's
 * Chromium (or the one that CHROMIUM names) over its debugging pipe.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./serve.mjs";
import { THEMES, WIDTHS } from "./sizes.js";
import { STATES } from "./states.js";

const OUT = join(dirname(fileURLToPath(import.meta.url)), "out");
const PAGE_HEIGHT = 900;

/** A browser that answers commands of the DevTools protocol. */
async function startChromium() {
  const profile = mkdtempSync(join(tmpdir(), "rtnb-screenshots-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"];
  const chromium = spawn(
    process.env.CHROMIUM ?? "chromium",
    [...flags, "--remote-debugging-pipe", `--user-data-dir=${profile}`],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const waiting = new Map();
  let sent = 0;
  let text = "";
  chromium.stdio[4].setEncoding("utf8").on("data", (chunk) => {
    const messages = (text + chunk).split("\0");
    text = messages.pop();
    for (const message of messages.map((each) => JSON.parse(each))) {
      const { resolve, reject } = waiting.get(message.id ?? message.method) ?? {};
      waiting.delete(message.id ?? message.method);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result ?? message.params);
    }
  });
  const answer = (key) => new Promise((resolve, reject) => waiting.set(key, { resolve, reject }));
  chromium.on("error", (error) => {
    console.error(`${error.message}: install Chromium, or name one in CHROMIUM`);
    process.exit(1);
  });
  return {
    event: answer,
    send(method, params = {}, sessionId = undefined) {
      sent += 1;
      chromium.stdio[3].write(`${JSON.stringify({ id: sent, method, params, sessionId })}\0`);
      return answer(sent);
    },
    async close() {
      const gone = new Promise((resolve) => chromium.on("exit", resolve));
      await this.send("Browser.close");
      await gone;
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** In the page: the card's box, and its parts that reach out of it or are cut off. */
function measure() {
  const card = document.querySelector(".rtnb-card");
  const box = card.getBoundingClientRect();
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className}`;
  const outside = [...card.querySelectorAll("*")].filter((element) => {
    const inner = element.getBoundingClientRect();
    return inner.width > 0 && (inner.left < box.left - 0.5 || inner.right > box.right + 0.5);
  });
  const cut = [...card.querySelectorAll("*")].filter(
    (element) =>
      element.clientHeight > 0 &&
      element.scrollHeight > element.clientHeight + 2 &&
      !element.matches("textarea, .rtnb-log, .rtnb-panel, .rtnb-text"),
  );
  const problems = [
    ...outside.map((each) => `outside: ${name(each)}`),
    ...cut.map((each) => `cut: ${name(each)}`),
  ];
  return { height: Math.ceil(box.bottom + 8), width: Math.ceil(box.right + 8), problems };
}

const wanted = process.argv.slice(2);
const states = Object.keys(STATES).filter(
  (state) => wanted.length === 0 || wanted.some((part) => state.includes(part)),
);
const { server, url } = await serve();
const browser = await startChromium();
const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
const send = (method, params) => browser.send(method, params, sessionId);
await send("Page.enable");
mkdirSync(OUT, { recursive: true });
for (const state of states)
  for (const theme of THEMES) {
    await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: theme }] });
    for (const width of WIDTHS) {
      const size = { width: width + 16, height: PAGE_HEIGHT, deviceScaleFactor: 1, mobile: false };
      await send("Emulation.setDeviceMetricsOverride", size);
      const loaded = browser.event("Page.loadEventFired");
      await send("Page.navigate", { url: `${url}card.html?${new URLSearchParams({ state, width, theme })}` });
      await loaded;
      const expression = `window.ready.then(${measure})`;
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(`${state}: ${exceptionDetails.exception.description}`);
      const clip = { x: 0, y: 0, width: result.value.width, height: result.value.height, scale: 1 };
      const { data } = await send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
      const file = `${state.replaceAll(" ", "-")}-${width}-${theme}.png`;
      writeFileSync(join(OUT, file), Buffer.from(data, "base64"));
      console.log([file, ...new Set(result.value.problems)].join("\n    "));
    }
  }
await browser.close();
server.close();
