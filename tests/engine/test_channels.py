"""Channels without their sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from iii_triggers.engine.channels import Channel, Channels
from iii_triggers.engine.channels.errors import ChannelBroken, ChannelClosed, ChannelNotFound
from iii_triggers.engine.channels.registry import new_channel
from iii_triggers.engine.core import Engine


class Source:
    """A source with one channel."""

    def __init__(self) -> None:
        self.channel = new_channel()

    def access_key(self, name: str) -> str | None:
        return "key" if name == "one" else None

    def take(self, name: str, direction: Any) -> Channel:
        return self.channel


async def test_what_was_written_can_be_read_after_the_end() -> None:
    channel = new_channel()
    await channel.put("one")
    channel.finish()
    assert [await channel.get(), await channel.get()] == ["one", None]
    with pytest.raises(ChannelClosed):
        await channel.put("two")


async def test_what_was_written_before_a_break_can_be_read() -> None:
    channel = new_channel()
    await channel.put(b"one")
    channel.break_off()
    assert await channel.get() == b"one"
    with pytest.raises(ChannelBroken):
        await channel.get()


async def test_a_break_after_the_end_changes_nothing() -> None:
    channel = new_channel()
    channel.finish()
    channel.break_off()
    assert await channel.get() is None
    assert channel.is_finished


async def test_a_writer_that_waits_for_room_learns_that_nobody_reads() -> None:
    channel = new_channel(1)
    await channel.put(b"one")
    writing = asyncio.ensure_future(channel.put(b"two"))
    await asyncio.sleep(0)
    channel.abandon()
    with pytest.raises(ChannelClosed):
        await writing
    assert await channel.get() is None


async def test_channels_of_a_source_are_taken_by_name() -> None:
    channels, source = Channels(), Source()
    channels.add_source("s", source)
    assert channels.take("s.one", "key", "read") is source.channel
    for channel_id, key in [("s.one", "other"), ("s.two", "key"), ("s", "key"), ("t.one", "key")]:
        with pytest.raises(ChannelNotFound):
            channels.take(channel_id, key, "read")
    channels.remove_source("s")
    with pytest.raises(ChannelNotFound):
        channels.take("s.one", "key", "read")


async def test_keys_are_many_and_all_different() -> None:
    channels = Channels()
    keys = {key for _ in range(1000) for key in channels.new_keys()}
    assert len(keys) == 2000
    assert {len(key) for key in keys} == {32}


async def test_the_engine_waits_for_answers_that_are_streamed(engine: Engine) -> None:
    assert await engine.channels.wait_idle(0)
    engine.channels.add_source("s", Source())
    assert not await engine.channels.wait_idle(0)
    waiting = asyncio.ensure_future(engine.channels.wait_idle(5))
    await asyncio.sleep(0)
    engine.channels.remove_source("s")
    assert await waiting


async def test_small_messages_do_not_make_room_for_large_ones() -> None:
    channel = Channel(max_messages=8, max_bytes=10)
    for _ in range(7):
        await channel.put(b"")
    await channel.put(b"x" * 10)
    assert await channel.get() == b""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.put(b"y" * 10), 0.01)
    for _ in range(7):
        await channel.get()
    await channel.put(b"y" * 10)
    assert await channel.get() == b"y" * 10
