"""Chromium, with or without a microphone that plays a file.

Owns how the browser is found and started. Must not know JupyterLab.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Playwright

from tests.e2e.harness.lab_server import INSECURE_HOST

Permission = Literal["granted", "denied"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Two pages are watched at once: the hidden one must go on as a person's second window would.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
)

_RECORDER = Path(__file__).with_name("recorder.js")


def find_chromium() -> str | None:
    """Return the Chromium named by `REALTIME_NB_CHROMIUM`, else the first on the PATH."""
    named = os.environ.get("REALTIME_NB_CHROMIUM")
    if named:
        return named
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


async def start_chromium(
    playwright: Playwright,
    executable: str,
    *,
    mic: Path | None,
    permission: Permission = "granted",
    gesture_needed: bool = False,
) -> Browser:
    """Start a browser whose microphone plays `mic` from its beginning each time that it is opened (None: no device).

    Args:
        playwright: the driver.
        executable: Chromium's path.
        mic: the absolute path of a 48 kHz mono 16-bit WAV file, or None for a machine without a microphone.
        permission: the user's answer when the page asks for the microphone.
        gesture_needed: keep the browser's rule that audio needs a gesture.
    """
    flags = list(_FLAGS)
    if mic is not None:
        flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={mic}"]
    if permission == "granted":
        flags.append("--use-fake-ui-for-media-stream")
    if not gesture_needed:
        flags.append("--autoplay-policy=no-user-gesture-required")
    return await playwright.chromium.launch(executable_path=executable, args=flags, headless=True)


async def new_context(browser: Browser) -> BrowserContext:
    """Return a new browser profile whose pages record the audio that they play."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="no-preference")
    await context.add_init_script(path=_RECORDER)
    return context
