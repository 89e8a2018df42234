"""Telling what plain code of the site did to our own store, such as the admin."""

from __future__ import annotations

from msgspec import Raw

from iii_triggers.engine.process import START_TIMEOUT_S, get_engine, run_sync

from .events import Delete, StreamEvent, event_of
from .places import Place
from .registrator import StreamTriggerType


def item_deleted(place: Place, old: bytes, seq: int | None) -> None:
    """Tell clients and triggers of a deletion and its number, after its transaction.

    The engine of this process tells; where none runs, it is started.
    """
    event = event_of(place, Delete(Raw(old)), seq=seq)
    run_sync(_tell(event), timeout_s=START_TIMEOUT_S)


async def _tell(event: StreamEvent) -> None:
    streams = get_engine().trigger_type(StreamTriggerType.id)
    if isinstance(streams, StreamTriggerType):
        streams.tell(event)
