import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("README.md lists every source file, and no other", () => {
  const root = new URL("..", import.meta.url);
  const readme = readFileSync(new URL("README.md", root), "utf8");
  const listed = [...readme.matchAll(/`(src\/[^`]+)`/g)].map(([, path]) => path);
  const files = readdirSync(new URL("src", root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/^.*\/js\/src\//, "src/"));
  expect(listed.sort()).toEqual(files.sort());
});
