/** The part of an anywidget model that we use, and listening to it for as long as a signal lives. */

export interface HostModel {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
  on(event: string, callback: (...args: any[]) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
  off(event: string, callback: (...args: any[]) => void): void;
}

export function listen(
  model: HostModel,
  event: string,
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
  callback: (...args: any[]) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  model.on(event, callback);
  signal.addEventListener("abort", () => model.off(event, callback), { once: true });
}
