/** The pane Trials: every trial of the sweep as a table that sorts, filters, unfolds and plays. */

import { h, setText } from "../view/dom.js";
import { isTyping } from "../view/own-keys.js";
import type { ResultsChannel } from "./channel.js";
import { fitting, isNarrow } from "./column-widths.js";
import { type Column, type Table, tableOf } from "./columns.js";
import { createFilterBar } from "./filters.js";
import { createGrid } from "./grid.js";
import { type Filter, NO_FILTER, orderOf, type Sort } from "./order.js";
import type { Pane } from "./panes.js";
import { type Clip, clipOf, type Playing, play } from "./player.js";
import { createTrialView, type Side, type TrialView } from "./trial.js";

/** Clips that are kept, so that hearing one again does not ask the kernel. */
const KEPT_CLIPS = 32;

export function createTrialsPane(channel: ResultsChannel): Pane {
  let table: Table | null = null;
  let filter: Filter = NO_FILTER;
  let chosen: ReadonlySet<string> = new Set();
  let byHand = false;
  let sort: Sort | null = null;
  let loading: Promise<void> | undefined;
  let asked = 0; // answers to older questions are dropped
  let visible = false;
  let live = false;
  void channel.answered.then(() => {
    live = true;
  });
  let sounding: { row: number; side: Side; playing: Playing | null } | null = null;
  const views = new Map<number, TrialView>();
  const clips = new Map<string, Clip>();
  const ratings = new Map<number, number>();

  const note = h("p", { class: "rtnb-hint", role: "status" }, "Loading the trials…");
  const bar = createFilterBar(
    (next) => {
      filter = next;
      show();
    },
    (columns, hand) => {
      chosen = columns;
      byHand = hand;
      show();
    },
  );
  const grid = createGrid(
    "Trials",
    { sort: sortBy, unfold, play: (row) => void toggle(row, "answer") },
    channel.signal,
  );
  const keys = h(
    "p",
    { class: "rtnb-hint rtnb-keys" },
    "Arrows move, Enter unfolds, Space plays, Enter on a heading sorts.",
  );
  bar.root.hidden = grid.root.hidden = keys.hidden = true;
  const root = h("div", { class: "rtnb-trials" }, bar.root, note, grid.root, keys);

  function show(): void {
    if (!table) return;
    const order = orderOf(table, filter, sort);
    const columns = columnsNow(table);
    grid.show(table, columns, order, sort);
    bar.shows(new Set(columns.map(({ name }) => name)));
    bar.count(order.length, table.rows);
    setText(note, order.length ? "" : "No trial matches.");
    note.hidden = order.length > 0;
  }

  function columnsNow(of: Table): readonly Column[] {
    const wanted = of.columns.filter(({ name }) => chosen.has(name));
    return byHand ? wanted : fitting(wanted, grid.root.clientWidth);
  }

  let widthPx = 0;
  const sizes = new ResizeObserver(() => {
    if (!table || grid.root.clientWidth === widthPx) return;
    const changed = isNarrow(widthPx) || isNarrow(grid.root.clientWidth);
    widthPx = grid.root.clientWidth;
    if (changed) show();
  });
  sizes.observe(grid.root);
  channel.signal.addEventListener("abort", () => sizes.disconnect());

  function sortBy(name: string): void {
    // The better end first, then the other one, then the order of the sweep.
    const first = table?.column(name)?.better === "higher";
    if (sort?.column !== name) sort = { column: name, descending: first };
    else if (sort.descending === first) sort = { column: name, descending: !first };
    else sort = null;
    show();
  }

  function nameOf(row: number): Record<string, unknown> {
    const turn = table?.column("turn")?.number(row);
    return {
      trial: table?.column("trial_id")?.text(row) ?? "",
      turn: turn === undefined || Number.isNaN(turn) ? null : turn,
    };
  }

  function unfold(row: number): TrialView {
    const about = `${table?.column("variant")?.text(row)}: ${table?.column("utterance")?.text(row)}`;
    const view = createTrialView(channel, nameOf(row), about, {
      play: (side) => void toggle(row, side),
      rated(value) {
        ratings.set(row, value);
        const column = table?.column("rating");
        if (table && column && !chosen.has("rating")) {
          chosen = new Set([...chosen, "rating"]);
          show();
        } else grid.redraw(row);
      },
    });
    views.set(row, view);
    const made: TrialView = {
      ...view,
      close() {
        if (sounding?.row === row) stop();
        views.delete(row);
        view.close();
      },
    };
    return made;
  }

  async function toggle(row: number, side: Side): Promise<void> {
    const same = sounding?.row === row && sounding.side === side;
    stop();
    if (same) return;
    const asked = { row, side, playing: null as Playing | null };
    sounding = asked;
    marks();
    const name = nameOf(row);
    const key = JSON.stringify([name, side]);
    let problem = "";
    let clip = clips.get(key) ?? null;
    try {
      if (!clip) {
        const { content, buffers } = await channel.ask("sound", { ...name, side });
        clip = clipOf(content.rate, buffers[0]);
        if (!clip)
          problem = side === "user" ? "This recording was not kept." : "There is no sound of this answer.";
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (sounding !== asked) return; // another one was chosen in the meantime
    if (clip) {
      clips.delete(key);
      clips.set(key, clip);
      const oldest = clips.keys().next().value;
      if (clips.size > KEPT_CLIPS && oldest !== undefined) clips.delete(oldest);
      asked.playing = play(clip, {
        onEnd() {
          if (sounding === asked) sounding = null;
          marks();
        },
      });
    } else {
      sounding = null;
      marks();
      say(row, problem);
    }
  }

  function say(row: number, problem: string): void {
    const view = views.get(row);
    if (view) view.complain(problem);
    else {
      setText(note, problem);
      note.hidden = false;
    }
  }

  function stop(): void {
    const old = sounding;
    sounding = null;
    old?.playing?.stop();
    marks();
  }

  function marks(): void {
    grid.playing(sounding?.side === "answer" ? sounding.row : null);
    for (const [row, view] of views) view.playing(sounding?.row === row ? sounding.side : null);
    if (note.textContent && sounding) {
      setText(note, "");
      note.hidden = true;
    }
  }

  async function load(): Promise<void> {
    const question = ++asked;
    if (!table) setText(note, "Loading the trials…");
    try {
      const found = tableOf(await channel.ask("table"));
      if (question !== asked) return;
      table = withOwn(found);
      ratings.clear(); // the kernel's rows have them
    } catch (error) {
      if (question !== asked) return;
      note.hidden = false;
      setText(note, error instanceof Error ? error.message : String(error));
      loading = undefined; // the next time it is shown it asks again
      // A kernel that was busy answers later.
      if (!live) void channel.answered.then(() => (loading ??= load()));
      return;
    }
    bar.root.hidden = grid.root.hidden = keys.hidden = false;
    bar.show(table);
  }

  /** The table with the ratings that were given in this card, and with the reason of a failure where there is no answer. */
  function withOwn(found: Table): Table {
    const error = found.column("error");
    const columns = found.columns.map((column): Column => {
      if (column.name === "text" && error)
        return { ...column, text: (row) => column.text(row) || (error.text(row) && `⚠ ${error.text(row)}`) };
      if (column.name !== "rating" || column.kind !== "number") return column;
      const number = (row: number) => ratings.get(row) ?? column.number(row);
      const shown = (row: number) => (ratings.has(row) ? String(ratings.get(row)) : column.text(row));
      return { ...column, number, text: shown };
    });
    const byName = new Map(columns.map((column) => [column.name, column]));
    return { rows: found.rows, columns, column: (name) => byName.get(name) };
  }

  // A pane out of sight asks when it is shown again: the kernel may be busy with sounds for another one.
  channel.onChanged(() => {
    loading = visible ? load() : undefined;
  });

  return {
    title: "Trials",
    root,
    show() {
      visible = true;
      if (!loading) loading = load();
    },
    hide() {
      visible = false;
      stop();
    },
    key(event, target) {
      if (event.key === "Escape" && sounding) {
        stop();
        event.preventDefault();
        return;
      }
      if (
        grid.root.contains(target) &&
        !isTyping(target) &&
        (target === grid.root || !target.closest("button"))
      )
        grid.key(event, target);
      else if (event.key === "Escape" && grid.root.contains(target)) grid.key(event, target);
    },
  };
}
