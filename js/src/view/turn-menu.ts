/**
 * Draws the menu of a user's turn: a button "⋯", and below the turn a row with a button for each action.
 *
 * A row, and no floating list: the transcript scrolls, and would cut a list off at its edge.
 *
 * To add an action, append a `TurnAction` to the array that `card.ts` makes.
 */

import type { TurnView } from "../comm/messages.js";
import { button, h, setAttribute, setText } from "./dom.js";

export interface TurnAction {
  /** The text of its button, which is its accessible name. */
  name(turn: TurnView): string;
  /** Called when its button is pressed; the row closes before, and `opener` is the turn's "⋯". */
  run(turn: TurnView, opener: HTMLElement): void;
}

/** Closes the open menu of the turn that holds an element; returns whether there was one. */
export function closeMenuAround(element: Element): boolean {
  const opener = element
    .closest(".rtnb-turn")
    ?.querySelector<HTMLElement>(".rtnb-more[aria-expanded='true']");
  opener?.click();
  opener?.focus();
  return !!opener;
}

interface TurnMenu {
  readonly opener: HTMLButtonElement;
  readonly row: HTMLElement;
  update(turn: TurnView): void;
}

export function createTurnMenu(actions: readonly TurnAction[], first: TurnView): TurnMenu {
  let turn = first;
  const opener = h(
    "button",
    {
      type: "button",
      class: "rtnb-more",
      "aria-label": "More about this turn",
      title: "More about this turn",
      "aria-expanded": "false",
    },
    "⋯",
  );
  // A screen reader must not read the buttons as if they were said: the transcript is a live region.
  const row = h("div", {
    class: "rtnb-turn-menu",
    role: "group",
    "aria-label": "Actions",
    "aria-live": "off",
    hidden: true,
  });
  const buttons = actions.map((action) => {
    const press = button("", "rtnb-small");
    press.addEventListener("click", () => {
      open(false);
      opener.focus();
      action.run(turn, opener);
    });
    return press;
  });
  row.append(...buttons);

  function open(on: boolean): void {
    row.hidden = !on;
    setAttribute(opener, "aria-expanded", String(on));
  }

  opener.addEventListener("click", () => {
    const on = opener.getAttribute("aria-expanded") !== "true";
    open(on);
    if (on) buttons[0]?.focus();
  });
  function update(next: TurnView): void {
    turn = next;
    opener.hidden = actions.length === 0 || next.role !== "user" || next.status !== "completed";
    if (opener.hidden) open(false);
    for (const [index, action] of actions.entries()) {
      const label = buttons[index]?.lastElementChild;
      if (label instanceof HTMLElement) setText(label, action.name(next));
    }
  }

  update(first);
  return { opener, row, update };
}
