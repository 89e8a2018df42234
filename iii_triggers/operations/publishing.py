"""Publishing to a topic because somebody asked for it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from iii_triggers.delivery.topics import Message, publish
from iii_triggers.models import Topic

from .audit import log_many


def publish_by_hand(message: Message, *, user: Any, note: str) -> list[uuid.UUID]:
    """Publish, and note that ``user`` did, in one transaction; return the ids of the deliveries.

    One for each function that is subscribed, or the one that waits for the first of them. Raise
    what ``publish`` raises.
    """
    with transaction.atomic():
        ids = [id_ for id_ in publish(message) if id_ is not None]
        log_many(user, Topic, note, shown=message.topic)
    return ids
