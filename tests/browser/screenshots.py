"""Pictures of pages, kept in ``test-output/screenshots/`` to be looked at."""

from __future__ import annotations

from typing import Any

from tests.e2e.environments import REPOSITORY

from .browsing import SIZES

FOLDER = REPOSITORY / "test-output" / "screenshots"


def shoot(page: Any, name: str) -> None:
    """Take a page as it is: on a desktop by day and by night, and on a phone.

    None of them may have to be scrolled sideways.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    for kind, scheme in (("desktop", "light"), ("desktop", "dark"), ("phone", "light")):
        width, height = SIZES[kind]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=FOLDER / f"{name}-{kind}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, kind)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light")
