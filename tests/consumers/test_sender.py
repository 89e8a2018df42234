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


class WritingPeer(Peer):
    """Takes frames at once, too, if it has room."""

    def __init__(self) -> None:
        super().__init__()
        self.has_room = True
        self.written: list[str] = []

    def write_text(self, text: str) -> bool:
        if self.has_room:
            self.written.append(text)
            self.events.append({"type": "websocket.send", "text": text})
        return self.has_room


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


async def test_a_frame_is_written_at_once_where_the_server_can_do_that() -> None:
    peer = WritingPeer()
    sender = Sender(peer.take)
    sender.send_text("one")
    sender.send_text("two")
    assert peer.texts == ["one", "two"]
    sender.close(1000)
    with pytest.raises(ChannelSendFailed):
        sender.send_text("late")
    await sender.stop()
    assert peer.written == ["one", "two"]
    assert peer.events[-1] == {"type": "websocket.close", "code": 1000}


async def test_no_frame_overtakes_one_that_waits_or_is_being_sent() -> None:
    peer = WritingPeer()
    sender = Sender(peer.take)
    sender.send_text("written")
    peer.has_room = False
    peer.reads.clear()
    sender.send_text("being sent")
    await settle()
    peer.has_room = True
    sender.send_text("waits behind it")
    sender.send_text("waits, too")
    await settle()
    peer.reads.set()
    sender.send_text("waits still")
    await settle()
    sender.send_text("written again")
    order = ["written", "being sent", "waits behind it", "waits, too", "waits still"]
    assert peer.texts == [*order, "written again"]
    assert peer.written == ["written", "written again"]
    await sender.stop()


async def test_no_frame_overtakes_one_that_is_not_yet_being_sent() -> None:
    peer = WritingPeer()
    sender = Sender(peer.take)
    peer.has_room = False
    sender.send_text("one")
    peer.has_room = True
    sender.send_text("two")
    await settle()
    assert peer.texts == ["one", "two"]
    await sender.stop()


async def test_what_wraps_the_servers_send_is_not_passed_over() -> None:
    peer = WritingPeer()

    async def send(event: dict[str, Any]) -> None:
        await peer.take({**event, "text": event["text"].upper()})

    sender = Sender(send)
    sender.send_text("text")
    await settle()
    assert peer.texts == ["TEXT"] and peer.written == []
    await sender.stop()
