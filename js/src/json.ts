/** Reads values of unknown type without failing: of a service's events, and of traits of another version. */

/** An object's fields; of anything else, none. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** A string; of anything else, the empty one. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
