"""The heartbeat: in time whatever else the database has to do."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime

import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.heart import Heart
from iii_triggers.engine.nodes import ThisNode
from iii_triggers.models import Node
from tests.support.eventually import eventually
from tests.support.threads import in_thread


async def heartbeat_at() -> datetime:
    return (await in_thread(Node.objects.get)).heartbeat_at


async def test_a_long_write_does_not_delay_the_heartbeat(
    transactional_db: None, quiet: None, site: SiteFunctions
) -> None:
    engine, goes_on = Engine(site=site), threading.Event()
    with override_settings(III_HEARTBEAT_INTERVAL_S=0.01):
        await engine.start()
        first = await heartbeat_at()
        write = asyncio.ensure_future(engine.database.run(goes_on.wait))

        async def beats() -> bool:
            return await heartbeat_at() > first

        await eventually(beats)
        assert not write.done()
        goes_on.set()
        await write
        await engine.stop()


async def test_what_cannot_be_renewed_stops_neither_the_heart_nor_the_rest(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OperationalError("away")

    node, renewed = ThisNode(), threading.Event()
    await in_thread(node.join)
    first = await heartbeat_at()
    heart = Heart(node)
    heart.on_beat += [fail, renewed.set]
    assert await heart.beat()
    assert await heartbeat_at() > first
    assert renewed.is_set()
    assert caplog.text.count("could not renew what it holds") == 1
    await heart.stop()


async def test_it_keeps_no_connection_from_beat_to_beat(transactional_db: None) -> None:
    node, seen = ThisNode(), list[bool]()
    await in_thread(node.join)
    heart = Heart(node)
    await heart.beat()
    await heart._thread.run(lambda: seen.append(connection.connection is None))
    assert seen == [True]
    await heart.stop()
