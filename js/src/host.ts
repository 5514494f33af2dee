/** Declares the part of an anywidget model that the page uses, and subscribes to its events until a signal aborts. */

// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
type Callback = (...args: any[]) => void;

/** A view that the host has drawn of another model. */
export interface HostView {
  el: HTMLElement;
  remove(): void;
}

export interface HostModel {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: Callback): void;
  off(event: string, callback: Callback): void;
  /** Draws other widgets of the notebook; some hosts have none. */
  widget_manager?: {
    get_model(id: string): Promise<unknown>;
    create_view(model: unknown): Promise<HostView>;
  };
}

export function listen(model: HostModel, event: string, callback: Callback, signal: AbortSignal): void {
  if (signal.aborted) return;
  model.on(event, callback);
  signal.addEventListener("abort", () => model.off(event, callback), { once: true });
}
