"""Finds the card's controls as a screen reader does: by role and accessible name.

Owns the names of the controls. Must not know how the card is built.
"""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect

from tests.e2e.harness.page import LabPage


class Card:
    """The `number`th card of a page."""

    def __init__(self, lab: LabPage, number: int = 0) -> None:
        self.lab = lab
        self.root = lab.page.locator(".rtnb-card").nth(number)
        self.talk = self._button("Talk")
        self.mute = self._button("Mute")
        self.stop_speaking = self._button("Stop speaking")
        self.send = self._button("Send")
        self.message = self.root.get_by_role("textbox", name="Message", exact=True)
        self.transcript = self.root.get_by_role("log", name="Transcript", exact=True)
        self.you = self.transcript.get_by_role("article", name="You", exact=True)
        self.assistant = self.transcript.get_by_role("article", name="Assistant", exact=True)

    async def drawn(self) -> Card:
        """Wait until the card stands in the page."""
        await expect(self.root).to_be_visible(timeout=30_000)
        return self

    async def until(self, *statuses: str, timeout: float = 30) -> None:
        """Wait for one of the statuses."""
        await expect(self.root).to_have_attribute(
            "data-status", re.compile(f"^({'|'.join(statuses)})$"), timeout=timeout * 1000
        )

    async def says(self, text: str | re.Pattern[str], *, timeout: float = 30) -> None:
        """Wait until the card shows a text anywhere."""
        await expect(self.root).to_contain_text(text, timeout=timeout * 1000, ignore_case=True)

    async def write(self, text: str) -> None:
        """Type into the text box and press Send."""
        await self.message.fill(text)
        await self.send.click()

    async def fork(self, instructions: str) -> None:
        """Fork at the first turn of the user, with other instructions."""
        await self._button("More about this turn").first.click()
        await self._button("Fork here…").click()
        # The form of this card is the first behind it: those of its branches follow.
        form = self.root.locator("xpath=following-sibling::section").get_by_role("group", name="New branch").first
        await form.get_by_role("textbox", name="Instructions of the branch").fill(instructions)
        await form.get_by_role("button", name="Fork", exact=True).click()

    def _button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)
