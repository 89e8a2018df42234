"""The ledger in tests: its Celery messages are only noted, and nothing stays open.

A ``conftest.py`` imports the fixtures it wants.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iii_triggers.delivery import create, resending
from iii_triggers.delivery.execution import claims, outcomes
from iii_triggers.delivery.publishing import publications
from iii_triggers.delivery.topics import forget_topics


class Messages:
    """Takes the place of the sender: the ids sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, queue: str, delivery_id: str) -> None:
        """Note a message."""
        self.sent.append((queue, delivery_id))

    @property
    def ids(self) -> list[str]:
        """The ids, in order."""
        return [delivery_id for _, delivery_id in self.sent]


@pytest.fixture(autouse=True)
def close_batchers() -> Iterator[None]:
    """Leave no thread and no connection behind; an open one would keep the database."""
    yield
    for batcher in (claims, outcomes, publications):
        batcher.close()


@pytest.fixture
def messages(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Messages]:
    """What would have been sent to Celery; nothing consumes it."""
    messages = Messages()
    monkeypatch.setattr(create, "sender", messages)
    monkeypatch.setattr(resending, "reaches_workers", lambda: True)
    forget_topics()
    yield messages
    forget_topics()
