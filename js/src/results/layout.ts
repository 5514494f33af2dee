/** Where each row of a virtual table lies: rows of one height, and unfolded ones with a box below them. Pure. */

export const ROW_PX = 30;

interface Layout {
  /** The number of rows, and the heights of the boxes by position. */
  set(rows: number, boxes: ReadonlyMap<number, number>): void;
  /** The upper edge of a row, in pixels. */
  top(position: number): number;
  /** The row at a place, in pixels from the top; one beside its box counts for it. */
  at(px: number): number;
  readonly height: number;
}

export function createLayout(): Layout {
  let rows = 0;
  let boxes: [position: number, height: number][] = [];

  function top(position: number): number {
    let px = position * ROW_PX;
    for (const [below, height] of boxes) {
      if (below >= position) break;
      px += height;
    }
    return px;
  }

  return {
    set(count, heights) {
      rows = count;
      boxes = [...heights].sort(([a], [b]) => a - b);
    },
    top,
    at(px) {
      let rest = px;
      for (const [below, height] of boxes) {
        const edge = (below + 1) * ROW_PX;
        if (rest < edge) break;
        if (rest < edge + height) return below;
        rest -= height;
      }
      return Math.max(0, Math.min(rows - 1, Math.floor(rest / ROW_PX)));
    },
    get height() {
      return top(rows);
    },
  };
}
