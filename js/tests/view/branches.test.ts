// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HostView } from "../../src/host.js";
import { UNLOCK } from "../../src/view/branches.js";
import { createFakeModel } from "../fake-model.js";
import { mounted } from "../mounted.js";
import { turn } from "../turns.js";

const BRANCH = { id: "m1", words: "Hello there", changes: "instructions='Be brief.'" };
const settled = () => new Promise((resolve) => setTimeout(resolve));

function setUp(manager = true, late = false) {
  const model = createFakeModel({ instructions: "Be kind.", _branches: [] });
  const views: (HostView & { model: unknown; unlocked: number; removed: boolean })[] = [];
  if (manager)
    model.widget_manager = {
      get_model: async (id) => ({ id }),
      async create_view(child) {
        const el = document.createElement("div");
        const card = document.createElement("div");
        card.className = "rtnb-card";
        if (late) setTimeout(() => el.append(card), 5);
        else el.append(card);
        const view = {
          el,
          model: child,
          unlocked: 0,
          removed: false,
          remove() {
            view.removed = true;
          },
        };
        card.addEventListener(UNLOCK, () => {
          view.unlocked += 1;
        });
        views.push(view);
        return view;
      },
    };
  const { el, life, find } = mounted(model);
  model.greet({ turns: [turn("a", { text: "Hello <b>there</b>" })] });
  const press = (name: string) => {
    const button = [...el.querySelectorAll("button")].find(
      (each) => each.getAttribute("aria-label") === name || each.lastElementChild?.textContent === name,
    );
    if (!button) throw new Error(`no button ${name}`);
    button.click();
    return button;
  };
  const propose = () => {
    press("More about this turn");
    press("Fork here…");
  };
  const sent = () => model.sent.map(({ content }) => content);
  return { model, views, life, find, press, propose, sent };
}

const key = (target: Element, name: string, options: KeyboardEventInit = {}) =>
  target.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, composed: true, cancelable: true, ...options }),
  );

describe("branches", () => {
  afterEach(() => document.body.replaceChildren());

  it("are opened with the instructions of the form, from its button and with Ctrl+Enter", () => {
    const { find, propose, press, sent } = setUp();
    expect(find(".rtnb-branches").hidden).toBe(true);
    const submits = [
      () => void press("Fork"),
      () => void key(find(".rtnb-branch-form textarea"), "Enter", { ctrlKey: true }),
    ];
    for (const [index, submit] of submits.entries()) {
      propose();
      const field = find<HTMLTextAreaElement>(".rtnb-branch-form textarea");
      expect(document.activeElement).toBe(field);
      expect(find(".rtnb-branch-title").textContent).toBe("Fork at “Hello <b>there</b>”");
      expect(field.value).toBe("Be kind.");
      field.value = `Be brief ${index}.`;
      submit();
      expect(sent().at(-1)).toMatchObject({
        kind: "fork",
        item_id: "a",
        instructions: `Be brief ${index}.`,
      });
      expect(find(".rtnb-branch-form").hidden).toBe(true);
    }
  });

  it("keep the present instructions where they were not changed", () => {
    const { propose, press, sent } = setUp();
    propose();
    press("Fork");
    expect(sent().at(-1)).toMatchObject({ kind: "fork", instructions: null });
  });

  it("are not opened after Escape, and the focus goes back to the menu", () => {
    const { find, propose, sent } = setUp();
    propose();
    key(find(".rtnb-branch-form textarea"), "Escape");
    expect(find(".rtnb-branches").hidden).toBe(true);
    expect(document.activeElement?.getAttribute("aria-label")).toBe("More about this turn");
    expect(sent().some(({ kind }) => kind === "fork")).toBe(false);
  });

  it("that this page asked for show their card, may sound, and get the focus; others wait folded", async () => {
    const { model, views, find, propose, press } = setUp();
    propose();
    press("Fork");
    model.set("_branches", [BRANCH]);
    await settled();
    expect(views).toHaveLength(1);
    expect(views[0]).toMatchObject({ model: { id: "m1" }, unlocked: 1 });
    expect(document.activeElement).toBe(find(".rtnb-branch-toggle"));
    expect(find(".rtnb-branch-said").textContent).toBe("Branch 1 was opened.");
    model.set("_branches", [BRANCH, { ...BRANCH, id: "m2" }]);
    await settled();
    expect(views).toHaveLength(1);
  });

  it("may sound also where the host draws their card after it has returned the view", async () => {
    const { model, views, propose, press } = setUp(true, true);
    propose();
    press("Fork");
    model.set("_branches", [BRANCH]);
    await settled();
    expect(views[0]?.unlocked).toBe(0);
    await vi.waitFor(() => expect(views[0]?.unlocked).toBe(1));
    views[0]?.el.append(document.createElement("p"));
    await settled();
    expect(views[0]?.unlocked).toBe(1);
  });

  it("are unfolded and folded, and a card that came too late is removed", async () => {
    const { model, views, find } = setUp();
    model.set("_branches", [BRANCH]);
    const toggle = find<HTMLButtonElement>(".rtnb-branch-toggle");
    toggle.click();
    toggle.click();
    await settled();
    expect(views.map(({ removed }) => removed)).toEqual([true]);
    expect(find(".rtnb-branch-card").childElementCount).toBe(0);
    toggle.click();
    await settled();
    expect(toggle.getAttribute("aria-expanded")).toBe("true");
    expect(find(".rtnb-branch-card").hidden).toBe(false);
    expect(find(".rtnb-branch-card").childElementCount).toBe(1);
    toggle.click();
    expect(views.map(({ removed }) => removed)).toEqual([true, true]);
  });

  it("are closed for good by their button, and leave the page with the trait", async () => {
    const { model, views, find, press, sent } = setUp();
    model.set("_branches", [BRANCH]);
    find<HTMLButtonElement>(".rtnb-branch-toggle").click();
    await settled();
    press("Close branch 1 for good");
    expect(sent().at(-1)).toMatchObject({ kind: "branch.close", branch: "m1" });
    model.set("_branches", []);
    expect(views[0]?.removed).toBe(true);
    expect(find(".rtnb-branches").hidden).toBe(true);
  });

  it("say where they are in Python where the host cannot draw them", async () => {
    const { model, find } = setUp(false);
    model.set("_branches", [BRANCH]);
    find<HTMLButtonElement>(".rtnb-branch-toggle").click();
    await settled();
    expect(find(".rtnb-branch-card").textContent).toContain("w.branches");
  });

  it("show hostile words as text, and survive odd values", () => {
    const { model, find } = setUp();
    model.set("_branches", [{ id: "m1", words: "<img src=x onerror=alert(1)>", changes: "<b>" }, 7, null]);
    expect(find(".rtnb-branches").querySelector("img, b")).toBeNull();
    expect(find(".rtnb-branch-words").textContent).toContain("<img");
  });

  it("say that the kernel is gone, which hides what would change nothing", () => {
    const { model, find } = setUp();
    model.set("_branches", [BRANCH]);
    model.emit("comm:close");
    expect(find(".rtnb-branches").dataset.kernel).toBe("gone");
  });

  it("go with the view", async () => {
    const { model, views, life, find } = setUp();
    model.set("_branches", [BRANCH]);
    find<HTMLButtonElement>(".rtnb-branch-toggle").click();
    await settled();
    life.abort();
    expect(views[0]?.removed).toBe(true);
    expect(document.querySelector(".rtnb-branches")).toBeNull();
  });
});

vi.mock("../../src/audio/mic.js", () => ({
  openMic: vi.fn(async () => ({ close: async () => undefined })),
}));
