"""Deletions by code of the site."""

from __future__ import annotations

import asyncio

from iii_triggers.engine.core import Engine
from iii_triggers.trigger_types.stream.deletions import item_deleted
from iii_triggers.trigger_types.stream.places import Place
from tests.support.streams import StreamSocket


async def test_clients_hear_of_a_deletion_in_another_thread(engine: Engine) -> None:
    place = Place(stream_name="todos", group_id="g", item_id="a")
    async with StreamSocket() as socket:
        await socket.joined()
        await asyncio.to_thread(item_deleted, place, b'{"n":1}', 1)
        assert await socket.happened() == ("delete", {"n": 1})
