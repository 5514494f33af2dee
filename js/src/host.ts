/** Declares the part of an anywidget model that the page uses, and subscribes to its events until a signal aborts. */

// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
type Callback = (...args: any[]) => void;

export interface HostModel {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: Callback): void;
  off(event: string, callback: Callback): void;
}

export function listen(model: HostModel, event: string, callback: Callback, signal: AbortSignal): void {
  if (signal.aborted) return;
  model.on(event, callback);
  signal.addEventListener("abort", () => model.off(event, callback), { once: true });
}
