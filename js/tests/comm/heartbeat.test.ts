import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createHeartbeat } from "../../src/comm/heartbeat.js";

function setUp() {
  const life = { active: true };
  const host = {
    hello: vi.fn(),
    beat: vi.fn(),
    active: () => life.active,
    onKernelChanged: vi.fn(),
    onUnanswered: vi.fn(),
  };
  const heartbeat = createHeartbeat(host);
  heartbeat.greet();
  return { host, heartbeat, life };
}

describe("heartbeat", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says hello at growing intervals until it is answered", () => {
    const { host, heartbeat } = setUp();
    vi.advanceTimersByTime(30_000);
    expect(host.hello.mock.calls.length).toBeGreaterThan(3);
    expect(host.hello.mock.calls.length).toBeLessThan(8);
    expect(host.beat).not.toHaveBeenCalled();
    heartbeat.onMessage(true);
    host.hello.mockClear();
    vi.advanceTimersByTime(5000);
    expect([host.hello.mock.calls.length, host.beat.mock.calls.length]).toEqual([0, 5]);
  });

  it("reports the kernel as quiet after six unanswered beats, and as ok at its next message", () => {
    const { host, heartbeat } = setUp();
    heartbeat.onMessage(true);
    vi.advanceTimersByTime(6000);
    expect(heartbeat.kernel).toBe("ok");
    vi.advanceTimersByTime(1000);
    expect(heartbeat.kernel).toBe("quiet");
    heartbeat.onMessage(true);
    expect(host.onKernelChanged.mock.calls.flat()).toEqual(["ok", "quiet", "ok"]);
  });

  it("reports the number of unanswered beats every half minute", () => {
    const { host, heartbeat } = setUp();
    heartbeat.onMessage(true);
    vi.advanceTimersByTime(29_000);
    expect(host.onUnanswered).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(host.onUnanswered.mock.calls).toEqual([[30], [60]]);
  });

  it("says no more hello on a closed comm, and accepts one that answers after all", () => {
    const { host, heartbeat } = setUp();
    heartbeat.onCommClosed();
    host.hello.mockClear();
    vi.advanceTimersByTime(60_000);
    expect(host.hello).not.toHaveBeenCalled();
    heartbeat.onMessage(true);
    expect(heartbeat.kernel).toBe("ok");
  });

  it("beats every 20 s where nothing is under way, says so, and is quick again at once", () => {
    const { host, heartbeat, life } = setUp();
    host.beat.mockImplementation(() => heartbeat.onMessage(true));
    heartbeat.onMessage(true);
    vi.advanceTimersByTime(3000);
    life.active = false;
    vi.advanceTimersByTime(62_000);
    expect(host.beat.mock.calls.flat()).toEqual([1, 1, 1, 20, 20, 20, 20]);
    host.beat.mockClear();
    life.active = true;
    vi.advanceTimersByTime(2000);
    expect(host.beat.mock.calls.flat()).toEqual([1, 1]);
  });

  it("repeats an unanswered beat every second", () => {
    const { host, heartbeat, life } = setUp();
    heartbeat.onMessage(true);
    life.active = false;
    vi.advanceTimersByTime(8000);
    expect(host.beat).toHaveBeenCalledTimes(8);
    expect(heartbeat.kernel).toBe("quiet");
  });

  it("stops its timer when closed", () => {
    const { host, heartbeat } = setUp();
    heartbeat.close();
    host.hello.mockClear();
    vi.advanceTimersByTime(60_000);
    expect(host.hello).not.toHaveBeenCalled();
  });
});
