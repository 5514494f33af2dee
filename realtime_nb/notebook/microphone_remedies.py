"""The messages for a page that cannot open a microphone: what happened, why, and what to do.

Owns these sentences, one for each `MicrophoneReason` (docs/notebook.md 18, 31). Must not know pages.
"""

from __future__ import annotations

from realtime_nb.errors import MicrophoneReason

_REMEDIES: dict[str, str] = {
    "denied": "The microphone was refused. Typing still works. To talk, allow the microphone for this site (the icon "
    "left of the address), then press Talk.",
    "missing": "No microphone was found. Typing still works. To talk, connect one, then press Talk.",
    "busy": "The microphone is used by another program. Typing still works. To talk, close it, then press Talk.",
    "insecure": "The browser gives no microphone to a page over plain http. Typing still works. To talk, open the "
    "notebook over https, or through an SSH tunnel at http://localhost.",
    "blocked": "This site or its frame forbids the microphone (its permissions policy). Typing still works. To talk, "
    "open the notebook in a tab of its own, or ask the site's administrator to allow it.",
    "unsupported": "This notebook's window has no microphone (a desktop editor, or an old browser). Typing and WAV "
    "files still work. To talk, open the notebook in a current browser.",
}


def microphone_remedy(reason: MicrophoneReason, message: str = "") -> str:
    """Return the sentences for a reason, with the browser's own message at the end where there is one."""
    remedy = _REMEDIES[reason]
    return f"{remedy} (The browser said: {message.strip()[:200]})" if message.strip() else remedy
