/**
 * Keeps a card's keys from the notebook.
 *
 * A notebook has commands on single letters and on Enter, and cancels line breaks. Keys without Ctrl, Meta or Alt are
 * therefore the card's alone, and so are those with them that edit text while a field has the focus: they are taken at
 * `window`, before the notebook's own listeners (docs/notebook.md 27). All others, such as Ctrl+S, are the notebook's.
 */

/** Undo, redo, clipboard, select all, cursor and deletion keys, and Enter. */
const EDITING = /^([zyxcva]|Arrow.*|Home|End|Page.*|Backspace|Delete|Insert|Enter)$/i;

/** JupyterLab cancels Ctrl+Z after the keydown of a bare Control. */
const MODIFIER = /^(Control|Shift|Alt|AltGraph|Meta)$/;

export function takeKeys(
  card: HTMLElement,
  press: (event: KeyboardEvent, target: EventTarget | undefined) => void,
  signal: AbortSignal,
): void {
  window.addEventListener(
    "keydown",
    (event) => {
      const path = event.composedPath();
      if (!path.includes(card)) return;
      const bare = !(event.ctrlKey || event.metaKey || event.altKey) || event.getModifierState("AltGraph");
      if (!bare && !MODIFIER.test(event.key) && !(isTyping(path[0]) && EDITING.test(event.key))) return;
      event.stopImmediatePropagation();
      press(event, path[0]);
    },
    { capture: true, signal },
  );
}

export function isTyping(target: EventTarget | undefined): boolean {
  return target instanceof Element && target.matches("input, textarea, select");
}
