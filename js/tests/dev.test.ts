import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { STATUSES } from "../src/traits.js";

it("the dev page shows the card in every status", () => {
  const states = readFileSync(new URL("../dev/states.js", import.meta.url), "utf8");
  const shown = STATUSES.filter((status) =>
    new RegExp(`hosted\\("${status}"|status: "${status}"`).test(states),
  );
  expect(shown).toEqual([...STATUSES]);
});
