// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { loadWorklet } from "../../src/worklets/load.js";

const context = (addModule: (url: string) => Promise<void>) =>
  ({ audioWorklet: { addModule } }) as unknown as BaseAudioContext;

describe("a worklet", () => {
  it("is loaded from a blob: URL, which is revoked afterwards", async () => {
    const revoke = vi.spyOn(URL, "revokeObjectURL");
    const urls: string[] = [];
    await loadWorklet(
      context(async (url) => void urls.push(url)),
      "1",
    );
    expect(urls).toEqual([expect.stringMatching(/^blob:/)]);
    expect(revoke).toHaveBeenCalledWith(urls[0]);
  });

  it("is loaded from a data: URL where blobs are forbidden", async () => {
    const urls: string[] = [];
    const strict = context(async (url) => {
      urls.push(url);
      if (url.startsWith("blob:")) throw new Error("CSP");
    });
    await loadWorklet(strict, "a + 'ü'");
    expect(decodeURIComponent(urls[1] ?? "")).toBe("data:text/javascript;charset=utf-8,a + 'ü'");
  });

  it("that neither URL can load fails with the name of the policy", async () => {
    const strict = context(() => Promise.reject(new Error("no")));
    await expect(loadWorklet(strict, "1")).rejects.toMatchObject({
      reason: "blocked",
      message: expect.stringContaining("Content-Security-Policy"),
    });
  });
});
