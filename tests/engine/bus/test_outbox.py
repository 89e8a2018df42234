"""What waits for one channel is sent in order, or its sender learns that it was not."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from iii_triggers.engine.bus import Bus
from iii_triggers.engine.bus_messages import ForgetMessage
from iii_triggers.engine.outbox import BATCH, Outbox
from iii_triggers.protocol.errors import ChannelSendFailed
from tests.support.layers import FakeLayer


class SlowLayer(FakeLayer):
    """Sends nothing before the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.batches: list[list[bytes]] = []

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Wait, and take a message."""
        self.asked.set()
        await self.goes_on.wait()
        self.batches.append(message["items"])


async def test_what_waited_too_long_is_not_sent() -> None:
    """Its sender acts on that: a call runs elsewhere by now."""
    layer, lost = SlowLayer(), list[ChannelSendFailed]()
    outbox = Outbox(layer, "c")
    outbox.put(b"first", within_s=60, on_lost=lost.append)
    draining = asyncio.create_task(outbox.drain())
    await layer.asked.wait()
    outbox.put(b"late", within_s=0, on_lost=lost.append)
    outbox.put(b"last", within_s=60, on_lost=lost.append)
    layer.goes_on.set()
    await draining
    assert layer.batches == [[b"first"], [b"last"]]
    assert len(lost) == 1


async def test_who_fails_to_hear_of_a_loss_does_not_keep_others_waiting() -> None:
    layer, lost = SlowLayer(), list[ChannelSendFailed]()
    layer.goes_on.set()

    def fail(error: ChannelSendFailed) -> None:
        raise RuntimeError("not now")

    outbox = Outbox(layer, "c")
    outbox.put(b"1", within_s=0, on_lost=fail)
    outbox.put(b"2", within_s=0, on_lost=lost.append)
    outbox.put(b"3", within_s=60, on_lost=lost.append)
    await outbox.drain()
    assert layer.batches == [[b"3"]]
    assert len(lost) == 1


async def test_what_arrives_while_the_bus_closes_ends_the_reading() -> None:
    async def on_channel(channel: str) -> None:
        pass

    layer = SlowLayer()
    bus = Bus(make_layer=lambda: layer, on_channel=on_channel)
    await bus.open()
    bus.send("elsewhere", ForgetMessage(id="x"))
    await layer.asked.wait()
    closing = asyncio.create_task(bus.close())
    await asyncio.sleep(0)
    layer.queues[bus.channel].put_nowait({"type": BATCH, "items": []})
    # Round and round without a pause, it would never come to this.
    asyncio.get_running_loop().call_later(0.01, layer.goes_on.set)
    await closing
    assert len(layer.batches) == 1


async def test_what_comes_soon_after_a_message_goes_together() -> None:
    """Each message costs the layer several commands, whatever it holds."""
    layer, lost = SlowLayer(), list[ChannelSendFailed]()
    outbox = Outbox(layer, "c")
    outbox.put(b"1", within_s=60, on_lost=lost.append)
    draining = asyncio.create_task(outbox.drain())
    loop = asyncio.get_running_loop()
    loop.call_later(0.02, layer.goes_on.set)
    await layer.goes_on.wait()
    outbox.put(b"2", within_s=60, on_lost=lost.append)
    loop.call_later(0.001, partial(outbox.put, b"3", within_s=60, on_lost=lost.append))
    await draining
    assert layer.batches == [[b"1"], [b"2", b"3"]]
