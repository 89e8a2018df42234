"""Two ways to use a page, with the same words: the mouse, and nothing but the keyboard."""

from __future__ import annotations

from typing import Any

from .browsing import tab_to


class Mouse:
    """Points and clicks."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def press(self, selector: str) -> None:
        """Press a button or a link that stays on the page."""
        self.page.click(selector)

    def follow(self, selector: str) -> None:
        """Press what leads to another page, and wait for that."""
        with self.page.expect_navigation():
            self.press(selector)

    def write(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        self.page.fill(selector, text)

    def choose(self, selector: str, label: str) -> None:
        """Choose an entry of a list."""
        self.page.select_option(selector, label=label)

    def switch(self, selector: str) -> None:
        """Tick a box, or take the tick away."""
        self.page.click(selector)


class Keyboard(Mouse):
    """Goes from one element to the next with the tab key."""

    def press(self, selector: str) -> None:
        tab_to(self.page, selector)
        self.page.keyboard.press("Enter")

    def write(self, selector: str, text: str) -> None:
        tab_to(self.page, selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def choose(self, selector: str, label: str) -> None:
        tab_to(self.page, selector)
        self.page.keyboard.type(label)

    def switch(self, selector: str) -> None:
        tab_to(self.page, selector)
        self.page.keyboard.press("Space")
