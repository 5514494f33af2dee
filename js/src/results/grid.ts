/**
 * Draws a table of thousands of rows as an ARIA treegrid: only the rows in sight are elements.
 *
 * Owns the active cell, the rows that are unfolded, and scrolling. Must not know trials or the kernel.
 *
 * The grid itself has the focus, and names its active cell: a cell that scrolls away cannot lose it.
 */

import { h, setAttribute } from "../view/dom.js";
import { isNarrow, isNumber, PLAY_PX, widthOf } from "./column-widths.js";
import { type Column, headOf, type Table } from "./columns.js";
import { type Heat, heatOf } from "./heat.js";
import { createLayout, ROW_PX } from "./layout.js";
import type { Sort } from "./order.js";

/** Rows beyond each end of the view, so that quick scrolling does not show gaps. */
const SPARE_ROWS = 8;

export interface Unfolded {
  readonly root: HTMLElement;
  close(): void;
}

interface GridEvents {
  sort(column: string): void;
  unfold(row: number): Unfolded;
  play(row: number): void;
}

interface Grid {
  readonly root: HTMLElement;
  show(table: Table, columns: readonly Column[], order: Int32Array, sort: Sort | null): void;
  /** Marks the row that plays. */
  playing(row: number | null): void;
  /** Draws a row again whose values changed. */
  redraw(row: number): void;
  key(event: KeyboardEvent, target: Element): void;
}

let grids = 0;

export function createGrid(label: string, events: GridEvents, signal: AbortSignal): Grid {
  const id = `rtnb-grid-${++grids}`;
  const head = h("div", { class: "rtnb-grid-head", role: "row", "aria-rowindex": 1 });
  const body = h("div", { class: "rtnb-grid-body", role: "rowgroup" });
  const root = h(
    "div",
    { class: "rtnb-grid", role: "treegrid", tabindex: 0, "aria-label": label },
    h("div", { role: "rowgroup", class: "rtnb-grid-top" }, head),
    body,
  );
  const drawn = new Map<number, HTMLElement>(); // by position
  const unfolded = new Map<number, Unfolded & { box: HTMLElement; height: number }>(); // by row
  const layout = createLayout();
  let columns: readonly Column[] = [];
  let heats: ((row: number) => Heat)[] = [];
  let heatsOf: Table | null = null;
  const kept = new Map<string, (row: number) => Heat>();
  let order: Int32Array = new Int32Array(0);
  let positions = new Map<number, number>();
  let sound: number | null = null;
  /** Position -1 is the head; column 0 is the play button's. */
  let active = { position: 0, column: 1 };
  let frame = 0;
  /** The row that was unfolded last, until a user scrolls or moves on. */
  let reveal: number | null = null;

  const measured = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      for (const each of unfolded.values()) {
        if (each.box === target) each.height = each.box.offsetHeight;
      }
    }
    place();
    if (reveal !== null) bringIntoView(reveal);
  });
  const resized = new ResizeObserver(() => draw());
  resized.observe(root);
  root.addEventListener("scroll", () => later(), { passive: true });
  root.addEventListener("wheel", () => (reveal = null), { passive: true });
  root.addEventListener("focusin", ({ target }) => {
    const inside = target instanceof Element ? unfoldedOf(target) : undefined;
    const position = inside === undefined ? undefined : positions.get(inside);
    if (position === undefined || position === active.position) return;
    active.position = position; // the marked row is the one whose trial has the focus
    mark();
  });
  signal.addEventListener("abort", () => {
    measured.disconnect();
    resized.disconnect();
    cancelAnimationFrame(frame);
  });

  function later(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }

  function drawHead(sort: Sort | null): void {
    const narrow = isNarrow(root.clientWidth);
    setAttribute(root, "data-narrow", narrow);
    const sizes = [`${PLAY_PX}px`, ...columns.map((column) => widthOf(column, narrow).css)];
    root.style.setProperty("--rtnb-columns", sizes.join(" "));
    head.replaceChildren(
      h(
        "span",
        { role: "columnheader", class: "rtnb-cell", id: cellId(-1, 0) },
        h("span", { class: "rtnb-hidden" }, "play"),
      ),
    );
    columns.forEach((column, place) => {
      const way = sort?.column !== column.name ? "none" : sort.descending ? "descending" : "ascending";
      const cell = h(
        "span",
        {
          role: "columnheader",
          class: `rtnb-cell ${isNumber(column) ? "rtnb-number" : ""}`,
          id: cellId(-1, place + 1),
          title: column.name,
          "aria-sort": way,
        },
        h("span", { class: "rtnb-head-name" }, headOf(column)),
      );
      if (column.unit) cell.append(h("span", { class: "rtnb-unit" }, column.unit));
      cell.append(h("span", { class: "rtnb-way", "aria-hidden": "true" }));
      cell.addEventListener("click", () => {
        active = { position: -1, column: place + 1 };
        events.sort(column.name);
      });
      head.append(cell);
    });
  }

  function cellId(position: number, column: number): string {
    return `${id}-${position + 1}-${column}`;
  }

  function rowElement(position: number): HTMLElement {
    const row = order[position] ?? 0;
    const open = unfolded.get(row);
    const button = h("button", { type: "button", class: "rtnb-replay", tabindex: -1 });
    markPlaying(button, position, row === sound);
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      move(position, active.column, false);
      events.play(row);
    });
    const first = h(
      "span",
      { role: "gridcell", class: "rtnb-cell rtnb-play-cell", id: cellId(position, 0) },
      button,
    );
    const element = h(
      "div",
      {
        role: "row",
        class: "rtnb-grid-row",
        "aria-rowindex": position + 2,
        "aria-expanded": String(open !== undefined),
      },
      first,
    );
    columns.forEach((column, place) => {
      const text = column.text(row);
      const cell = h(
        "span",
        {
          role: column.name === "variant" ? "rowheader" : "gridcell",
          class: `rtnb-cell ${isNumber(column) ? "rtnb-number" : ""} ${place === 0 ? "rtnb-first" : ""}`,
          id: cellId(position, place + 1),
        },
        text || "–",
      );
      if (!text) cell.classList.add("rtnb-none");
      else if (text.length > 12) cell.title = text;
      const { tone, strength } = heats[place]?.(row) ?? { tone: "plain", strength: 0 };
      if (strength > 0.02) {
        setAttribute(cell, "data-heat", tone);
        cell.style.setProperty("--rtnb-heat", `${Math.round(100 * strength)}%`);
      }
      element.append(cell);
    });
    element.addEventListener("click", (event) => {
      const cell = (event.target as Element).closest(".rtnb-cell");
      const column = cell ? [...element.children].indexOf(cell) : active.column;
      move(position, Math.max(1, column), false);
      if (!window.getSelection()?.toString()) toggle(position);
    });
    return element;
  }

  function draw(): void {
    const top = Math.max(0, root.scrollTop - SPARE_ROWS * ROW_PX);
    const bottom = root.scrollTop + root.clientHeight + SPARE_ROWS * ROW_PX;
    const first = layout.at(top);
    const last = Math.min(order.length - 1, layout.at(bottom));
    const wanted = new Set<number>();
    for (let position = first; position <= last; position++) wanted.add(position);
    if (active.position >= 0 && active.position < order.length) wanted.add(active.position);
    for (const [position, element] of drawn) {
      if (wanted.has(position)) continue;
      element.remove();
      drawn.delete(position);
    }
    for (const position of wanted) {
      if (drawn.has(position)) continue;
      const element = rowElement(position);
      drawn.set(position, element);
      body.append(element);
    }
    for (const [position, element] of drawn) {
      element.style.top = `${layout.top(position)}px`;
      element.classList.toggle("rtnb-odd", position % 2 === 1);
    }
    arrange();
    mark();
  }

  /** Brings the elements into the order of their rows, in which a screen reader reads them. */
  function arrange(): void {
    let next = body.firstElementChild;
    for (const position of [...drawn.keys()].sort((a, b) => a - b)) {
      for (const element of [drawn.get(position), unfolded.get(order[position] ?? -1)?.box]) {
        if (!element) continue;
        if (element === next) next = next.nextElementSibling;
        // An element that is moved would lose the focus.
        else if (!element.contains(document.activeElement)) body.insertBefore(element, next);
      }
    }
  }

  /** Puts the unfolded trials at their places, and makes the body as high as all rows. */
  function place(): void {
    const heights = new Map<number, number>();
    for (const [row, open] of unfolded) {
      const position = positions.get(row);
      open.box.hidden = position === undefined;
      if (position !== undefined) heights.set(position, open.height);
    }
    layout.set(order.length, heights);
    for (const [row, open] of unfolded) {
      const position = positions.get(row);
      if (position !== undefined) open.box.style.top = `${layout.top(position) + ROW_PX}px`;
    }
    body.style.height = `${layout.height}px`;
    draw();
  }

  function mark(): void {
    for (const old of root.querySelectorAll(".rtnb-active")) old.classList.remove("rtnb-active");
    const cell = document.getElementById(cellId(active.position, active.column));
    cell?.classList.add("rtnb-active");
    cell?.parentElement?.classList.add("rtnb-active");
    setAttribute(root, "aria-activedescendant", cell ? cell.id : null);
  }

  function move(position: number, column: number, scroll = true): void {
    reveal = null;
    active = {
      position: Math.max(-1, Math.min(order.length - 1, position)),
      column: Math.max(0, Math.min(columns.length, column)),
    };
    if (scroll && active.position >= 0) {
      const top = layout.top(active.position);
      const room = root.clientHeight - head.offsetHeight;
      if (top < root.scrollTop) root.scrollTop = top;
      else if (top + ROW_PX > root.scrollTop + room) root.scrollTop = top + ROW_PX - room;
    }
    draw();
    const cell = document.getElementById(cellId(active.position, active.column));
    if (scroll && cell) {
      const frozen = PLAY_PX + (active.column > 1 ? (head.children[1] as HTMLElement).offsetWidth : 0);
      const left = cell.offsetLeft - frozen;
      const right = cell.offsetLeft + cell.offsetWidth;
      if (left < root.scrollLeft && active.column > 1) root.scrollLeft = left;
      else if (right > root.scrollLeft + root.clientWidth)
        root.scrollLeft = Math.min(left, right - root.clientWidth);
    }
  }

  function toggle(position: number): void {
    const row = order[position];
    if (row === undefined) return;
    const open = unfolded.get(row);
    if (open) {
      open.close();
      measured.unobserve(open.box);
      open.box.remove();
      unfolded.delete(row);
    } else {
      const made = events.unfold(row);
      const box = h(
        "div",
        { role: "row", class: "rtnb-unfolded" },
        h("div", { role: "gridcell", "aria-colspan": columns.length + 1 }, made.root),
      );
      // A click in the text is no command of the table.
      unfolded.set(row, { ...made, box, height: 0 });
      body.append(box);
      measured.observe(box);
      const found = unfolded.get(row);
      if (found) found.height = box.offsetHeight;
    }
    redrawAt(position);
    place();
    if (!open) reveal = row;
  }

  /** Scrolls a trial that was just unfolded into view, as soon as its height is known; its row stays in view, too. */
  function bringIntoView(row: number): void {
    const position = positions.get(row);
    const height = unfolded.get(row)?.height ?? 0;
    if (position === undefined || !height) return;
    const top = layout.top(position);
    const room = root.clientHeight - head.offsetHeight;
    if (top + ROW_PX + height > root.scrollTop + room)
      root.scrollTop = Math.min(top, top + ROW_PX + height - room);
  }

  function redrawAt(position: number): void {
    drawn.get(position)?.remove();
    drawn.delete(position);
  }

  function unfoldedOf(target: Element): number | undefined {
    for (const [row, { box }] of unfolded) if (box.contains(target)) return row;
    return undefined;
  }

  return {
    root,
    show(table, shown, next, sort) {
      if (heatsOf !== table) kept.clear();
      heatsOf = table;
      columns = shown;
      heats = columns.map((column) => {
        const heat = kept.get(column.name) ?? heatOf(column, table.rows);
        kept.set(column.name, heat);
        return heat;
      });
      const row = order[active.position];
      order = next;
      positions = new Map([...order].map((each, position) => [each, position]));
      // The active row stays the active one where it is still shown.
      if (active.position >= 0 && row !== undefined) active.position = positions.get(row) ?? 0;
      active.column = Math.min(active.column, columns.length);
      setAttribute(root, "aria-rowcount", order.length + 1);
      setAttribute(root, "aria-colcount", columns.length + 1);
      for (const element of drawn.values()) element.remove();
      drawn.clear();
      drawHead(sort);
      place();
    },
    playing(row) {
      sound = row;
      for (const [position, element] of drawn) {
        const button = element.querySelector(".rtnb-replay");
        if (button) markPlaying(button, position, order[position] === row);
      }
    },
    redraw(row) {
      const position = positions.get(row);
      if (position === undefined) return;
      redrawAt(position);
      draw();
    },
    key(event, target) {
      const inside = unfoldedOf(target);
      if (inside !== undefined) {
        if (event.key !== "Escape") return;
        move(positions.get(inside) ?? 0, active.column);
        root.focus();
        event.preventDefault();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const page = Math.max(1, Math.floor(root.clientHeight / ROW_PX) - 2);
      const { position, column } = active;
      if (event.key === "Tab") {
        // The browser would go into the first unfolded row of the table: a rating would be kept with another trial.
        const open = unfolded.get(order[position] ?? -1);
        const first = event.shiftKey ? null : open?.box.querySelector<HTMLElement>("button, input");
        if (!first) return;
        first.focus();
        event.preventDefault();
        return;
      }
      const moves: Record<string, [number, number]> = {
        ArrowDown: [position + 1, column],
        ArrowUp: [position - 1, column],
        ArrowRight: [position, column + 1],
        ArrowLeft: [position, column - 1],
        PageDown: [position + page, column],
        PageUp: [Math.max(0, position - page), column],
        Home: [0, column],
        End: [order.length - 1, column],
      };
      const to = moves[event.key];
      if (to) move(...to);
      else if (event.key === "Enter") {
        if (position >= 0) toggle(position);
        else if (columns[column - 1]) events.sort(columns[column - 1]?.name ?? "");
      } else if (event.key === " ") {
        const row = order[position];
        if (row !== undefined && position >= 0) events.play(row);
      } else return;
      event.preventDefault();
    },
  };
}

function markPlaying(button: Element, position: number, on: boolean): void {
  setAttribute(button, "aria-label", `${on ? "Stop" : "Play"} the answer in row ${position + 1}`);
  setAttribute(button, "data-on", on);
}
