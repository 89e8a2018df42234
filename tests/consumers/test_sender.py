"""The outbound side of a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.consumers.sender import OVERLOADED, Sender
from iii_triggers.protocol.errors import ChannelSendFailed


class Peer:
    """Takes events, when it reads."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_gone = False

    async def take(self, event: dict[str, Any]) -> None:
        await self.reads.wait()
        if self.is_gone:
            raise ConnectionError
        self.events.append(event)

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.events if "text" in event]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_frames_go_out_in_order() -> None:
    peer = Peer()
    sender = Sender(peer.take)
    for number in range(10):
        sender.send_text(str(number))
    await settle()
    assert peer.texts == [str(number) for number in range(10)]
    await sender.stop()


async def test_a_close_comes_after_what_is_queued_and_ends_it() -> None:
    peer = Peer()
    sender = Sender(peer.take)
    sender.send_text("last")
    sender.close(1012)
    sender.close(4000)
    with pytest.raises(ChannelSendFailed):
        sender.send_text("late")
    await sender.stop()
    assert peer.events[-1] == {"type": "websocket.close", "code": 1012}
    assert peer.texts == ["last"]


async def test_a_peer_that_does_not_read_costs_only_so_much_memory() -> None:
    peer = Peer()
    peer.reads.clear()
    sender = Sender(peer.take)
    with override_settings(III_MAX_SEND_QUEUE_BYTES=100):
        sender.send_text("x" * 60)
        await settle()
        sender.send_text("y" * 60)
        with pytest.raises(ChannelSendFailed):
            sender.send_text("z" * 60)
        with pytest.raises(ChannelSendFailed):
            sender.send_text("z")
    peer.reads.set()
    await sender.stop()
    assert peer.events[-1] == {"type": "websocket.close", "code": OVERLOADED}
    assert peer.texts == ["x" * 60]


async def test_a_peer_that_is_gone_ends_the_sender() -> None:
    peer = Peer()
    peer.is_gone = True
    sender = Sender(peer.take)
    sender.send_text("x")
    await settle()
    with pytest.raises(ChannelSendFailed):
        sender.send_text("y")
    await sender.stop()
