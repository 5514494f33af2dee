/**
 * Names the six reasons for which there is no microphone, and words the advice for each.
 *
 * The reasons are those of `MicrophoneError.reason` in Python. Must not know the DOM.
 */

export const MIC_REASONS = ["denied", "missing", "busy", "insecure", "blocked", "unsupported"] as const;
type MicReason = (typeof MIC_REASONS)[number];

export class SoundError extends Error {
  constructor(
    readonly reason: MicReason,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = "SoundError";
  }
}

/** An exception of `getUserMedia` as a SoundError with its reason. */
export function toSoundError(error: unknown, policyForbids = false): SoundError {
  if (error instanceof SoundError) return error;
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const detail = error instanceof Error && error.message ? error.message : name || String(error);
  return new SoundError(policyForbids ? "blocked" : reasonOf(name), detail, error);
}

function reasonOf(name: string): MicReason {
  switch (name) {
    case "NotAllowedError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "SecurityError":
      return "blocked";
    default:
      return "unsupported";
  }
}

export interface Advice {
  title: string;
  text: string;
}

export function micAdvice(error: SoundError): Advice {
  const { title, cause, remedy, again } = micRemedy(error);
  const talk = remedy ? ` To talk, ${remedy}${again ? ", then press Talk" : ""}.` : "";
  return { title, text: `${cause ? `${cause} ` : ""}Typing still works.${talk}` };
}

interface Remedy {
  title: string;
  cause: string;
  /** An order, such as "close that program"; empty where there is none. */
  remedy: string;
  /** Whether the button that failed must be pressed again. */
  again: boolean;
}

export function micRemedy({ reason, message }: SoundError): Remedy {
  switch (reason) {
    case "denied":
      return {
        title: "The microphone was refused.",
        cause: "",
        remedy: "allow the microphone for this site (the icon left of the address)",
        again: true,
      };
    case "missing":
      return {
        title: "No microphone was found.",
        cause: "",
        remedy: "connect a microphone or pick one in the system's sound settings",
        again: true,
      };
    case "busy":
      return {
        title: "The microphone is in use.",
        cause: "Another program may hold it.",
        remedy: "close that program (or the other tab)",
        again: true,
      };
    case "insecure":
      return {
        title: "This page may not use a microphone.",
        cause: "Browsers offer one on https and on localhost only.",
        remedy:
          "open the notebook by https, or forward its port (ssh -L 8888:localhost:8888 HOST) and open localhost",
        again: false,
      };
    case "blocked":
      return {
        title: "This page forbids the microphone.",
        cause: message,
        remedy: message.includes("Content-Security-Policy")
          ? ""
          : "open the notebook in a tab of its own, or ask the administrator of the server to allow it",
        again: false,
      };
    case "unsupported":
      return {
        title: "This window has no microphone.",
        cause: "",
        remedy: "open the notebook in Chrome, Edge, Firefox or Safari",
        again: false,
      };
  }
}
