"""Other transactions at the same time."""

from __future__ import annotations

from tests.support.thread_fixtures import aside, many_writers

__all__ = ["aside", "many_writers"]
