import { defineConfig } from "vitest/config";

export default defineConfig({
  // The bundle gets the worklets' source from build.mjs; the tests need none.
  plugins: [
    {
      name: "worklet-source",
      resolveId: (id) => (id.startsWith("worklet:") ? `\0${id}` : null),
      load: (id) => (id.startsWith("\0worklet:") ? 'export default ""' : null),
    },
  ],
  // A busy machine must not fail a test: the default of 5 s is too short beside other work.
  test: { include: ["tests/**/*.test.ts"], testTimeout: 30_000 },
});
