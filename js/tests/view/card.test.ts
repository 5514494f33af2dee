// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../../src/widget.js";
import { createFakeModel } from "../fake-model.js";
import { mounted } from "../mounted.js";
import { turn } from "../turns.js";

vi.mock("../../src/audio/mic.js", () => ({
  openMic: vi.fn(async () => ({ close: async () => undefined })),
}));

function setUp(traits: Record<string, unknown> = {}) {
  const model = createFakeModel(traits);
  const { instance, el, life, find } = mounted(model);
  model.greet();
  const named = (name: string) =>
    [...el.querySelectorAll("button")].find(
      (each) => each.lastElementChild?.textContent === name || each.textContent === name,
    );
  return { model, instance, el, life, find, named };
}

describe("card", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    document.body.replaceChildren();
  });

  it("has the names that tests and screen readers find controls by", () => {
    const { find, named } = setUp({ status: "speaking" });
    for (const name of ["Talk", "Mute", "Stop speaking", "Send", "Settings", "Events"])
      expect(named(name), name).toBeTruthy();
    expect(named("Talk")?.getAttribute("aria-pressed")).toBe("false");
    expect(find("textarea[aria-label='Message']")).toBeTruthy();
    expect(find("[role=log]").getAttribute("aria-label")).toBe("Transcript");
    expect(find(".rtnb-card").dataset.status).toBe("speaking");
  });

  it("follows the status", () => {
    const { model, find } = setUp();
    for (const status of ["connecting", "thinking", "error"]) {
      model.set("status", status);
      expect(find(".rtnb-card").dataset.status).toBe(status);
    }
  });

  it("labels turns, strikes out unheard text and shows the note", () => {
    const { model, find } = setUp();
    model.down("turn", { turn: turn("a", { text: "Hello" }), after: null });
    const answer = turn("b", {
      role: "assistant",
      text: "Good day. More",
      heard: 9,
      status: "interrupted",
      note: "stopped by you",
    });
    model.down("turn", { turn: answer, after: "a" });
    expect(find("article[aria-label=You]").textContent).toContain("Hello");
    expect(find("article[aria-label=Assistant] s").textContent).toBe(" More");
    expect(find("article[aria-label=Assistant]").textContent).toContain("stopped by you");
  });

  it("offers actions on what the user said, in a row that opens below the turn", () => {
    const { model, find, el, named } = setUp();
    model.down("turn", { turn: turn("a", { text: "Hello" }), after: null });
    model.down("turn", { turn: turn("b", { role: "assistant" }), after: "a" });
    model.down("live", { turn: turn("c", { status: "in_progress" }), after: "b" });
    const openers = [...el.querySelectorAll<HTMLElement>("[aria-label='More about this turn']")];
    expect(openers.map((each) => each.hidden)).toEqual([false, true, true]);
    expect(find("[aria-label=Actions]").hidden).toBe(true);
    openers[0]?.click();
    expect(find("[aria-label=Actions]").hidden).toBe(false);
    expect(document.activeElement).toBe(named("Keep as an utterance"));
    named("Keep as an utterance")?.click();
    expect(model.sent.map(({ content }) => content)).toContainEqual(
      expect.objectContaining({ kind: "keep", item_id: "a", on: true }),
    );
    expect(document.activeElement).toBe(openers[0]);
    model.down("turn", { turn: turn("a", { text: "Hello", kept: true }), after: null });
    expect(find("article[aria-label=You] .rtnb-facts").textContent).toContain("kept");
    expect(named("Keep no longer")).toBeTruthy();
    openers[0]?.click();
    named("Keep no longer")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(find("[aria-label=Actions]").hidden).toBe(true);
  });

  it("asks a turn again with the settings that were changed, and shows the answers as text", () => {
    const { model, find, el, named } = setUp({
      instructions: "Be brief.",
      voice: "marin",
      _info: { voices: ["marin", "cedar"] },
    });
    const asked = () =>
      model.sent.map(({ content }) => content).filter(({ kind }) => kind === "ask.again") as unknown as {
        item_id: string;
        sides: unknown;
      }[];
    model.down("turn", { turn: turn("a", { text: "Hello" }), after: null });
    named("Ask again…")?.click();
    expect(document.activeElement).toBe(find(".rtnb-again [aria-label=Instructions]"));
    const voice = find<HTMLSelectElement>(".rtnb-again [aria-label=Voice]");
    voice.value = "cedar";
    named("Ask again")?.click();
    expect(asked()[0]).toMatchObject({
      item_id: "a",
      sides: [{ changes: [{ name: "voice", value: "cedar" }] }],
    });
    named("Compare instructions…")?.click();
    find<HTMLTextAreaElement>("[aria-label='Instructions B']").value = "Be thorough.";
    named("Compare")?.click();
    expect(asked()[1]?.sides).toEqual([
      { changes: [] },
      { changes: [{ name: "instructions", value: "Be thorough." }] },
    ]);

    const hostile = "<img src=x onerror=alert(1)>";
    const latency = {
      speech_end_to_committed: 300,
      committed_to_response: 20,
      response_to_first_audio: 200,
      total: 520,
    };
    const side = (id: string, more: object) => ({
      id,
      name: hostile,
      changes: [{ name: "instructions", value: "Be thorough." }],
      state: "done",
      heard: "hello",
      text: hostile,
      error: null,
      has_audio: true,
      audio_ms: 900,
      latency,
      cost_usd: 0.0012,
      tool_calls: [],
      ...more,
    });
    const experiment = (sides: object[]) =>
      model.down("experiment", { experiment: "experiment_1", item_id: "a", label: hostile, sides });
    experiment([side("r1", {}), side("r2", { state: "asking", text: "", has_audio: false })]);
    expect(el.querySelectorAll(".rtnb-side")).toHaveLength(2);
    expect(el.querySelector("img")).toBeNull();
    named("Cancel")?.click();
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "ask.cancel", experiment: "experiment_1" });
    experiment([side("r1", {}), side("r2", { state: "failed", text: "", error: "no answer" })]);
    expect(el.querySelectorAll(".rtnb-experiment")).toHaveLength(1);
    expect(named("Cancel")?.hidden).toBe(true);
    expect(find(".rtnb-side:last-child [role=alert]").textContent).toBe("no answer");
    find(".rtnb-side [aria-label='Hear A']").click();
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "clip", item_id: "r1" });
    experiment([
      side("r1", {}),
      side("r2", { latency: { ...latency, response_to_first_audio: 720, total: 1040 } }),
    ]);
    const widths = [...el.querySelectorAll<HTMLElement>(".rtnb-side .rtnb-waterfall")].map(
      (bar) => bar.style.width,
    );
    expect(widths, "half the wait is half the bar").toEqual(["50%", ""]);
    named("Use these settings")?.click();
    expect(model.get("instructions")).toBe("Be thorough.");
    find(".rtnb-again-close").click();
    expect(find(".rtnb-again").hidden).toBe(true);
  });

  it("adds one text node for a delta and touches nothing else", () => {
    const { model, find } = setUp();
    model.down("live", {
      turn: turn("a", { role: "assistant", text: "It", status: "in_progress" }),
      after: null,
    });
    const said = find("article .rtnb-text");
    const before = [...said.childNodes];
    const outer = find("article").children.length;
    model.down("live.delta", { item_id: "a", text: " is" });
    expect([...said.childNodes].slice(0, before.length)).toEqual(before);
    expect(said.childNodes.length).toBe(before.length + 1);
    expect(find("article").children.length).toBe(outer);
    expect(said.textContent).toBe("It is");
  });

  it("shows hostile text as text, isolates its direction, and folds long text", () => {
    const { model, el, find, named } = setUp();
    const hostile = "<img src=x onerror=alert(1)><script>alert(2)</script> \u202egnol";
    model.down("turn", { turn: turn("a", { text: hostile + "x".repeat(100_000) }), after: null });
    expect(el.querySelector("img, script")).toBeNull();
    expect(find("article .rtnb-text").textContent).toContain(hostile);
    expect(find("article .rtnb-text").getAttribute("dir")).toBe("auto");
    expect(find("article").classList.contains("rtnb-folded")).toBe(true);
    named("Show all")?.click();
    expect(find("article").classList.contains("rtnb-folded")).toBe(false);
  });

  it("shows a tool call with keyword arguments", () => {
    const { model, find } = setUp();
    const call = {
      name: "set_slider",
      arguments: '{"value": 25}',
      status: "completed",
      output: "ok",
    };
    model.down("turn", { turn: turn("a", { role: "assistant", tool_calls: [call] }), after: null });
    expect(find(".rtnb-tool").textContent).toBe("set_slider(value=25) ✓");
  });

  it("shows downloads, and the hosts that get words and sound, also after the first turn", () => {
    const info = { backend: "local", label: "local models (m, whisper, piper)" };
    const whereabouts = "Beyond this computer: transcripts go to chat.example.com.";
    const progress = "Downloading whisper base.en: 12 of 145 MB, once.";
    const { model, find } = setUp({ _info: { ...info, whereabouts, progress } });
    model.down("turn", { turn: turn("a", { text: "Hello" }), after: null });
    expect(find(".rtnb-empty").hidden).toBe(true);
    expect(find("[role=note]").textContent).toBe(whereabouts);
    expect(find("[role=progressbar]").getAttribute("aria-valuetext")).toBe(progress);
    model.set("_info", info);
    expect(find(".rtnb-notices").hidden).toBe(true);
  });

  it("says that free speech is not recognised, also after the first turn", () => {
    const hearing = "Only commands are recognised; for free speech: pip install 'realtime-nb[whisper]'.";
    const { model, find } = setUp({ _info: { backend: "local", label: "local models (m)", hearing } });
    model.down("turn", { turn: turn("a", { text: "I did not catch that." }), after: null });
    expect(find(".rtnb-hearing").textContent).toBe(hearing);
    expect(find(".rtnb-notices").hidden).toBe(false);
  });

  it("shows the cause of a failure below the turn, and a short note beside it", () => {
    const { model, find } = setUp();
    const cause = "failed: The chat server http://127.0.0.1:11434/v1 cannot be reached. Start the server.";
    const failed = { role: "assistant" as const, text: "", status: "failed" as const };
    model.down("turn", { turn: turn("a", { ...failed, note: cause }), after: null });
    expect(find(".rtnb-cause").textContent).toBe(cause);
    expect(find(".rtnb-note").textContent).toBe("");
    model.down("turn", { turn: turn("a", { ...failed, revision: 2, note: "stopped by you" }), after: null });
    expect(find(".rtnb-cause").hidden).toBe(true);
    expect(find(".rtnb-note").textContent).toBe("stopped by you");
  });

  it("shows a cost where there is one, and none that is unknown", () => {
    const { model, find } = setUp({ _info: { cost_usd: null } });
    expect(find(".rtnb-cost").hidden).toBe(true);
    model.set("_info", { cost_usd: 0.031 });
    expect(find(".rtnb-cost").hidden).toBe(false);
    expect(find(".rtnb-cost").textContent).toBe("$0.03");
  });

  it("sends a typed message with Enter, and not with Shift or while composing", () => {
    const { model, find } = setUp();
    const message = find<HTMLTextAreaElement>("textarea[aria-label='Message']");
    const press = (options: KeyboardEventInit) =>
      message.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...options }),
      );
    message.value = "  hi there ";
    press({ shiftKey: true });
    press({ isComposing: true });
    expect(model.kinds()).not.toContain("send");
    press({});
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "send", text: "hi there" });
    expect(message.value).toBe("");
  });

  it("mutes with M on the card, and not while typing", () => {
    const { model, find } = setUp();
    const press = (element: Element) =>
      element.dispatchEvent(new KeyboardEvent("keydown", { key: "m", bubbles: true, cancelable: true }));
    press(find("textarea[aria-label='Message']"));
    expect(model.get("muted")).toBeUndefined();
    press(find(".rtnb-card"));
    expect(model.get("muted")).toBe(true);
  });

  it("keeps its own keys from the notebook, and leaves it the others", () => {
    const { find } = setUp();
    const reached: string[] = [];
    const listen = (event: KeyboardEvent) => void reached.push(event.key);
    document.addEventListener("keydown", listen, { capture: true });
    const press = (element: Element, key: string, options: KeyboardEventInit = {}) => {
      reached.length = 0;
      element.dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...options }),
      );
      return reached.length > 0;
    };
    const card = find(".rtnb-card");
    const talk = find("button");
    const message = find("textarea[aria-label='Message']");
    for (const element of [card, talk, message]) {
      for (const key of ["x", "d", "0", "a", "b", "j", "Enter", "Tab", "Escape", "ArrowDown"])
        expect(press(element, key), key).toBe(false);
      for (const key of ["X", "Enter", "Tab"])
        expect(press(element, key, { shiftKey: true }), key).toBe(false);
      for (const key of ["Control", "Meta", "Alt"])
        expect(press(element, key, { ctrlKey: true, metaKey: true, altKey: true }), key).toBe(false);
      for (const key of ["s", "f", "Shift+c"]) expect(press(element, key, { ctrlKey: true }), key).toBe(true);
      expect(press(element, "@", { ctrlKey: true, altKey: true, modifierAltGraph: true })).toBe(false);
    }
    for (const key of ["z", "y", "x", "c", "v", "a", "ArrowLeft", "Home", "Backspace", "Delete", "Enter"]) {
      expect(press(message, key, { ctrlKey: true }), key).toBe(false);
      expect(press(card, key, { metaKey: true }), key).toBe(true);
    }
    expect(press(message, "Z", { ctrlKey: true, shiftKey: true })).toBe(false);
    expect(press(document.body, "x")).toBe(true);
    document.removeEventListener("keydown", listen, { capture: true });
  });

  it("takes Enter as a line break in the instructions, and Ctrl+Enter to use them", () => {
    const { model, find } = setUp();
    const instructions = find<HTMLTextAreaElement>("textarea[aria-label='Instructions']");
    const press = (options: KeyboardEventInit) =>
      instructions.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...options }),
      );
    instructions.value = "Be brief.";
    expect(press({})).toBe(true);
    expect(model.get("instructions")).not.toBe("Be brief.");
    expect(press({ ctrlKey: true })).toBe(false);
    expect(model.get("instructions")).toBe("Be brief.");
  });

  it("offers to play an answer that waits for a gesture", () => {
    const { model, named } = setUp();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, new Int16Array(100).buffer);
    expect(named("Play")).toBeTruthy();
  });

  it("begins a new conversation", () => {
    const { model, find } = setUp();
    find<HTMLButtonElement>("[aria-label='New conversation']").click();
    expect(model.kinds().at(-1)).toBe("reset");
  });

  it("shows an error and offers the next step", () => {
    const { model, find, named } = setUp({
      status: "error",
      error: "The key was refused. api.openai.com answered 401. Check OPENAI_API_KEY.",
    });
    expect(find("[role=alert] strong").textContent).toBe("The key was refused.");
    named("Reconnect")?.click();
    expect(model.kinds().at(-1)).toBe("retry");
  });

  it("keeps a dismissed error hidden until another one occurs", () => {
    const { model, el } = setUp({ error: "One. Do this." });
    el.querySelector<HTMLElement>(".rtnb-dismiss")?.click();
    expect(el.querySelector("[role=alert]")).toBeNull();
    model.set("error", "Two. Do that.");
    expect(el.querySelector("[role=alert]")?.textContent).toContain("Two.");
  });

  it("keeps the transcript and no controls when the kernel is gone", () => {
    const { model, named, el, find } = setUp();
    model.down("turn", { turn: turn("a", { text: "Hello" }), after: null });
    model.emit("comm_live_update");
    expect(el.textContent).toContain("The kernel of this card is gone.");
    expect(find("article").textContent).toContain("Hello");
    expect(find(".rtnb-controls").hidden).toBe(true);
    expect([named("Settings")?.hidden, named("Events")?.hidden]).toEqual([true, true]);
    expect(find(".rtnb-status").textContent).toBe("No kernel");
  });

  it("is one line that says so where no kernel ever answers, and a card as soon as one does", () => {
    const model = createFakeModel();
    const el = document.createElement("div");
    const instance = widget();
    instance.initialize({ model });
    instance.render({ model, el });
    const card = el.querySelector<HTMLElement>(".rtnb-card");
    expect(card?.dataset.bare).toBe("");
    expect(card?.querySelector(".rtnb-status")?.textContent).toBe("Waiting for the kernel…");
    vi.advanceTimersByTime(3000);
    expect(card?.querySelector(".rtnb-status")?.textContent).toContain("not live");
    expect(card?.querySelector<HTMLElement>(".rtnb-controls")?.hidden).toBe(true);
    model.greet();
    expect(card?.dataset.bare).toBeUndefined();
    expect(card?.querySelector<HTMLElement>(".rtnb-controls")?.hidden).toBe(false);
    expect(card?.querySelector(".rtnb-status")?.textContent).toBe("Ready");
  });

  it("says that the session is parked, and why", () => {
    const parked = "The session is parked. Nothing used it for 30 minutes.";
    const { model, find } = setUp({ _info: { parked } });
    expect(find(".rtnb-status").textContent).toBe("Parked");
    expect(find(".rtnb-banner").textContent).toBe(parked);
    model.set("_info", { parked: null });
    expect(find(".rtnb-status").textContent).toBe("Ready");
  });

  it("says on Talk what pressing it does and what it is doing", async () => {
    const { model, find } = setUp();
    const talk = find<HTMLButtonElement>("[aria-label=Talk]");
    const words = () => talk.lastElementChild?.textContent;
    expect(words()).toBe("Talk");
    talk.click();
    await vi.advanceTimersByTimeAsync(0);
    expect([words(), talk.getAttribute("aria-pressed")]).toEqual(["Listening, press to stop", "true"]);
    model.set("turn_detection", null);
    expect(words()).toBe("Listening, press to send");
    model.set("muted", true);
    expect(words()).toBe("Muted, press to send");
    talk.click();
    await vi.advanceTimersByTimeAsync(0);
    expect(words()).toBe("Talk");
  });

  it("hides the controls and keeps the transcript with controls=False", () => {
    const { model, find } = setUp({ controls: false });
    model.down("turn", { turn: turn("a"), after: null });
    expect(find(".rtnb-controls").hidden).toBe(true);
    expect(find("article").textContent).toContain("a");
  });

  it("lists losses in the events panel while there are any", () => {
    const { model, find } = setUp();
    expect(find(".rtnb-health").hidden).toBe(true);
    model.set("_health", ["2 microphone frames never arrived"]);
    expect(find(".rtnb-health").hidden).toBe(false);
    expect(find(".rtnb-health li").textContent).toBe("2 microphone frames never arrived");
    model.set("_health", []);
    expect(find(".rtnb-health").hidden).toBe(true);
  });

  it("writes a setting that the user changes", () => {
    const { model, find } = setUp({ voice: "marin", _info: { voices: ["marin", "cedar"] } });
    const voice = find<HTMLSelectElement>(".rtnb-settings select");
    voice.value = "cedar";
    voice.dispatchEvent(new Event("change"));
    expect(model.get("voice")).toBe("cedar");
  });

  it("draws a second view from the same engine, and removes a closed view", () => {
    const { model, instance, el } = setUp();
    const second = document.createElement("div");
    const life = new AbortController();
    model.down("turn", { turn: turn("a", { text: "one" }), after: null });
    instance.render({ model, el: second, signal: life.signal });
    expect(second.textContent).toContain("one");
    expect(model.kinds().filter((kind) => kind === "hello")).toHaveLength(1);
    life.abort();
    expect(second.childElementCount).toBe(0);
    model.down("turn", { turn: turn("b", { text: "two" }), after: "a" });
    expect(el.textContent).toContain("two");
  });

  it("keeps a bounded number of turns in the page", () => {
    const { model, el, named } = setUp();
    for (let i = 0; i < 450; i++) model.down("turn", { turn: turn(`t${i}`), after: i ? `t${i - 1}` : null });
    expect(el.querySelectorAll("article")).toHaveLength(200);
    expect(el.textContent).toContain("250 earlier turns");
    named("Show more")?.click();
    expect(el.querySelectorAll("article")).toHaveLength(400);
  });
});
