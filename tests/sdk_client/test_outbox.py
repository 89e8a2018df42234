"""The outbox: order, what survives without a connection, and waiting for room."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.protocol.errors import InvocationStopped, LimitExceeded
from iii_triggers.protocol.messages import InvocationResult
from iii_triggers.sdk.calls import PendingCalls
from iii_triggers.sdk.outbox import Outbox, Outgoing


async def _take_all(outbox: Outbox) -> list[str]:
    return [(await outbox.take()).frame for _ in range(len(outbox))]


def _run(scenario) -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await scenario()

    asyncio.run(main())


def test_only_unwritten_calls_pass_from_one_connection_to_the_next():
    async def scenario():
        outbox = Outbox()
        outbox.put("dropped, offline")
        outbox.put("kept, offline", keep=True)
        outbox.open(first=["hello"], last=["introduction"])
        for frame in ("written", "registration"):
            outbox.put(frame)
        outbox.put("kept, online", keep=True)
        taken = [(await outbox.take()).frame for _ in range(4)]
        assert taken == ["hello", "kept, offline", "introduction", "written"]
        outbox.close()
        outbox.open(first=["again"], last=[])
        assert await _take_all(outbox) == ["again", "kept, online"]

    _run(scenario)


def test_a_full_outbox_makes_senders_wait_online_and_fail_offline():
    async def scenario():
        outbox = Outbox(limit=2)
        outbox.open(first=["a", "b"], last=[])
        waiting = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        await outbox.take()
        assert not waiting.done()
        await outbox.take()
        writer = asyncio.create_task(outbox.take())
        await waiting
        writer.cancel()
        outbox.close()
        await outbox.room()
        outbox.put("c", keep=True)
        outbox.put("d", keep=True)
        with pytest.raises(LimitExceeded):
            outbox.put("e", keep=True)

    _run(scenario)


def test_losing_the_connection_releases_who_waits_for_room():
    async def scenario():
        outbox = Outbox(limit=1)
        outbox.open(first=["a"], last=[])
        waiting = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        outbox.close()
        await waiting

    _run(scenario)


def test_a_lost_connection_stops_only_calls_that_were_written():
    async def scenario():
        calls = PendingCalls()
        written = asyncio.create_task(calls.result("i1", Outgoing("x", keep=True, written=True)))
        queued = asyncio.create_task(calls.result("i2", Outgoing("x", keep=True)))
        await asyncio.sleep(0)
        calls.lost()
        with pytest.raises(InvocationStopped):
            await written
        calls.resolve(InvocationResult(invocation_id="i2"))
        assert await queued is None

    _run(scenario)
