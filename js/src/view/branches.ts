/**
 * Draws the branches of a conversation below its card: the form that opens one, and each branch as a card of its own.
 *
 * They stand beside the card and not inside it, because the keys in a card are that card's (own-keys.ts). The host's
 * widget manager draws a branch's card, as in any cell; a host without one shows how to get at the branch in Python.
 */

import type { TurnView } from "../comm/messages.js";
import type { Engine } from "../engine.js";
import type { HostModel, HostView } from "../host.js";
import { type BranchView, onTraits, read } from "../traits.js";
import { button, h, setAttribute, setText } from "./dom.js";
import { takeKeys } from "./own-keys.js";
import { followTheme } from "./theme.js";

/** The event that is sent to the card of a branch, in the wake of the gesture that opened it: its answer may sound. */
export const UNLOCK = "rtnb-unlock";

const FIRST_WORDS = 60;

interface Branches {
  readonly root: HTMLElement;
  /** Opens the form for a branch at a turn of the user. */
  propose(turn: TurnView, opener: HTMLElement): void;
}

interface BranchElement {
  readonly root: HTMLElement;
  number(index: number, branch: BranchView): void;
  open(unlock: boolean): void;
  focus(): void;
  close(): void;
}

export function createBranches(model: HostModel, engine: Engine, id: string, signal: AbortSignal): Branches {
  const form = createForm(model, (itemId, instructions) => {
    wanted += 1;
    engine.fork(itemId, instructions);
  });
  const said = h("div", { class: "rtnb-branch-said rtnb-hidden", role: "status" });
  const list = h("div", { class: "rtnb-branch-list" });
  const root = h(
    "section",
    { class: "rtnb-branches", "aria-label": "Branches", hidden: true },
    form.root,
    said,
    list,
  );
  const shown = new Map<string, BranchElement>();
  /** Branches that this page has asked for, and that are not there yet. */
  let wanted = 0;

  function show(): void {
    const branches = read(model, "_branches");
    for (const [key, element] of shown)
      if (!branches.some((branch) => branch.id === key)) {
        const focused = element.root.contains(document.activeElement);
        element.close();
        shown.delete(key);
        if (focused) [...shown.values()].at(-1)?.focus();
      }
    // A page without a kernel shows one line, the card's. Shown before any part of it can take the focus.
    root.hidden = !engine.state.met || (branches.length === 0 && form.root.hidden);
    for (const [index, branch] of branches.entries()) {
      const known = shown.get(branch.id);
      const element = known ?? createBranch(model, engine, `${id}-${branch.id}`, branch, signal);
      element.number(index, branch);
      if (known) continue;
      shown.set(branch.id, element);
      list.append(element.root);
      if (wanted === 0) continue;
      wanted -= 1;
      element.open(true);
      element.focus();
      setText(said, `Branch ${index + 1} was opened.`);
    }
  }

  form.onClosed = show;
  followTheme(root, signal);
  takeKeys(form.root, form.press, signal);
  onTraits(model, ["_branches"], show, signal);
  engine.subscribe((note) => {
    if (note.kind !== "state") return;
    // Nothing of a conversation whose kernel is gone can be opened or closed.
    setAttribute(root, "data-kernel", engine.state.kernel);
    // A refusal opens nothing: the next branch may be one from Python, which stays closed.
    if (engine.state.problem?.source === "kernel") wanted = 0;
    if (root.hidden && engine.state.met) show();
  }, signal);
  signal.addEventListener("abort", () => {
    for (const element of shown.values()) element.close();
  });
  show();
  return {
    root,
    propose(turn, opener) {
      root.hidden = false;
      form.open(turn, opener);
    },
  };
}

function createForm(model: HostModel, fork: (itemId: string, instructions: string | null) => void) {
  const title = h("p", { class: "rtnb-branch-title", dir: "auto" });
  const instructions = h("textarea", {
    rows: 3,
    dir: "auto",
    maxlength: 100_000,
    "aria-label": "Instructions of the branch",
    placeholder: "How the assistant should behave in the branch",
  });
  const submit = button("Fork", "rtnb-primary");
  const cancel = button("Cancel", "rtnb-quiet");
  const root = h(
    "div",
    { class: "rtnb-branch-form", role: "group", "aria-label": "New branch", hidden: true },
    title,
    h("label", { class: "rtnb-field" }, h("span", {}, "Instructions"), instructions),
    h(
      "p",
      { class: "rtnb-hint" },
      "The branch knows what was said before this turn, and is asked it again. This conversation stays as it is.",
    ),
    h("div", { class: "rtnb-branch-buttons" }, submit, cancel),
  );
  let turn: TurnView | null = null;
  let opener: HTMLElement | null = null;

  function close(back: boolean): void {
    root.hidden = true;
    turn = null;
    form.onClosed();
    if (back && opener?.isConnected) opener.focus();
    opener = null;
  }
  function send(): void {
    if (!turn) return;
    const unchanged = instructions.value === read(model, "instructions");
    fork(turn.item_id, unchanged ? null : instructions.value);
    close(true);
  }
  submit.addEventListener("click", send);
  cancel.addEventListener("click", () => close(true));
  const form = {
    root,
    onClosed: () => {},
    open(next: TurnView, from: HTMLElement): void {
      turn = next;
      opener = from;
      setText(title, `Fork at ${quoted(next.text)}`);
      instructions.value = read(model, "instructions");
      root.hidden = false;
      instructions.focus();
      root.scrollIntoView?.({ block: "nearest" });
    },
    press(event: KeyboardEvent, target: EventTarget | undefined): void {
      if (event.isComposing) return;
      if (event.key === "Escape") close(true);
      else if (event.key === "Enter" && target === instructions && (event.ctrlKey || event.metaKey)) send();
      else return;
      event.preventDefault();
    },
  };
  return form;
}

function createBranch(
  model: HostModel,
  engine: Engine,
  id: string,
  first: BranchView,
  signal: AbortSignal,
): BranchElement {
  const name = h("span", { class: "rtnb-branch-name" });
  const words = h("span", { class: "rtnb-branch-words", dir: "auto" });
  const changes = h("span", { class: "rtnb-branch-changes", dir: "auto" });
  const mark = h("span", { class: "rtnb-icon", "aria-hidden": "true" }, "▸");
  const toggle = h(
    "button",
    { type: "button", class: "rtnb-branch-toggle", "aria-expanded": "false", "aria-controls": id },
    mark,
    h("span", { class: "rtnb-branch-about" }, name, " ", words, " ", changes),
  );
  const remove = h("button", { type: "button", class: "rtnb-dismiss" }, "×");
  const bar = h("div", { class: "rtnb-branch-bar" }, toggle, remove);
  const place = h("div", { class: "rtnb-branch-card", id, hidden: true });
  const root = h("div", { class: "rtnb-branch" }, bar, place);
  let view: HostView | null = null;
  /** Grows with each opening and closing: a view that comes too late is removed. */
  let turn = 0;
  let drawn = new MutationObserver(() => {});

  async function draw(unlock: boolean): Promise<void> {
    const mine = ++turn;
    try {
      if (!model.widget_manager) throw new Error("no widget manager");
      const child = await model.widget_manager.get_model(first.id);
      const made = await model.widget_manager.create_view(child);
      if (mine !== turn) {
        made.remove();
        return;
      }
      view = made;
      place.replaceChildren(made.el);
      if (unlock) unlockOnceDrawn();
    } catch {
      if (mine !== turn) return;
      const text =
        "This notebook cannot show the branch here. In Python it is one of w.branches: show it in a cell.";
      place.replaceChildren(h("p", { class: "rtnb-hint" }, text));
    }
  }
  /** Lets the branch sound. JupyterLab returns a view before the card is drawn in it, other hosts after. */
  function unlockOnceDrawn(): void {
    const look = (): boolean => {
      const card = place.querySelector(".rtnb-card");
      return card?.dispatchEvent(new CustomEvent(UNLOCK)) ?? false;
    };
    drawn.disconnect();
    if (look()) return;
    drawn = new MutationObserver(() => look() && drawn.disconnect());
    drawn.observe(place, { childList: true, subtree: true });
  }
  function open(on: boolean, unlock: boolean): void {
    place.hidden = !on;
    setAttribute(toggle, "aria-expanded", String(on));
    setText(mark, on ? "▾" : "▸");
    if (on) void draw(unlock);
    else clear();
  }
  function clear(): void {
    turn += 1;
    drawn.disconnect();
    view?.remove();
    view = null;
    place.replaceChildren();
  }

  toggle.addEventListener("click", () => open(place.hidden !== false, true));
  remove.addEventListener("click", () => engine.closeBranch(first.id));
  takeKeys(bar, () => {}, signal);
  return {
    root,
    number(index, branch) {
      setText(name, `Branch ${index + 1}`);
      setText(words, quoted(branch.words));
      setText(changes, branch.changes);
      for (const attribute of ["aria-label", "title"])
        setAttribute(remove, attribute, `Close branch ${index + 1} for good`);
    },
    open: (unlock) => open(true, unlock),
    focus: () => toggle.focus(),
    close() {
      clear();
      root.remove();
    },
  };
}

/** The first words of a turn, in quotation marks. */
function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (!line) return "this turn";
  return `“${line.length > FIRST_WORDS ? `${line.slice(0, FIRST_WORDS - 1)}…` : line}”`;
}
