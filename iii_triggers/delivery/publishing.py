"""Publishing from an event loop: what arrives at the same time shares one transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from iii_triggers.engine.core import Engine

from .batching import Batcher
from .calls import QueuedCall, check_call, queue_calls
from .topics import Message, check_message, publish_all

Unit = Message | QueuedCall
Ids = list[uuid.UUID | None]


def _write(units: Sequence[Unit]) -> list[Ids]:
    """Write in one transaction; messages of a topic, and calls of a queue, in order of arrival."""
    messages = [unit for unit in units if isinstance(unit, Message)]
    calls = [unit for unit in units if not isinstance(unit, Message)]
    with transaction.atomic():
        of_messages = iter(publish_all(messages) if messages else [])
        of_calls = iter(queue_calls(calls) if calls else [])
    return [next(of_messages) if isinstance(unit, Message) else [next(of_calls)] for unit in units]


publications: Batcher[Unit, Ids] = Batcher("iii-publications", _write)


async def apublish(unit: Unit, *, engine: Engine | None = None) -> Ids:
    """Write a message or a queued call, and return its ids once that is committed.

    ``engine``: the one whose workers may just have subscribed; their registrations are written
    first. Raises what ``check_message`` and ``check_call`` raise.
    """
    check_message(unit) if isinstance(unit, Message) else check_call(unit)
    if engine is not None:
        await engine.write_registrations()
    future: Any = publications.submit(unit)
    ids: Ids = await asyncio.wrap_future(future)
    return ids
