import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPulse } from "../../src/comm/pulse.js";

function setUp() {
  const host = { hello: vi.fn(), beat: vi.fn(), changed: vi.fn(), forsaken: vi.fn() };
  const pulse = createPulse(host);
  pulse.greet();
  return { host, pulse };
}

describe("pulse", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says hello again, ever more seldom, until it is answered", () => {
    const { host, pulse } = setUp();
    vi.advanceTimersByTime(30_000);
    expect(host.hello.mock.calls.length).toBeGreaterThan(3);
    expect(host.hello.mock.calls.length).toBeLessThan(8);
    expect(host.beat).not.toHaveBeenCalled();
    pulse.alive(true);
    host.hello.mockClear();
    vi.advanceTimersByTime(5000);
    expect([host.hello.mock.calls.length, host.beat.mock.calls.length]).toEqual([0, 5]);
  });

  it("calls the kernel quiet after six unanswered beats, and well again at its first word", () => {
    const { host, pulse } = setUp();
    pulse.alive(true);
    vi.advanceTimersByTime(6000);
    expect(pulse.kernel).toBe("ok");
    vi.advanceTimersByTime(1000);
    expect(pulse.kernel).toBe("quiet");
    pulse.alive(true);
    expect(host.changed.mock.calls.flat()).toEqual(["ok", "quiet", "ok"]);
  });

  it("says every half minute that the silence has lasted too long to listen on, and how long", () => {
    const { host, pulse } = setUp();
    pulse.alive(true);
    vi.advanceTimersByTime(29_000);
    expect(host.forsaken).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(host.forsaken.mock.calls).toEqual([[30], [60]]);
  });

  it("stops knocking at a comm that is gone, and believes one that answers after all", () => {
    const { host, pulse } = setUp();
    pulse.lost();
    host.hello.mockClear();
    vi.advanceTimersByTime(60_000);
    expect(host.hello).not.toHaveBeenCalled();
    pulse.alive(true);
    expect(pulse.kernel).toBe("ok");
  });

  it("leaves no timer behind", () => {
    const { host, pulse } = setUp();
    pulse.close();
    host.hello.mockClear();
    vi.advanceTimersByTime(60_000);
    expect(host.hello).not.toHaveBeenCalled();
  });
});
