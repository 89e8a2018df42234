"""What is written in one step leaves in one piece, in order, and none of it is lost."""

from __future__ import annotations

import asyncio

from iii_triggers.servers.joined_writes import (
    MAX_JOINED_BYTES,
    MAX_JOINED_FRAMES_BYTES,
    JoiningTransport,
)


class FakeTransport:
    """Remembers what was done to it."""

    def __init__(self):
        self.done = []
        self.closing = False

    def write(self, data):
        self.done.append(data)

    def close(self):
        self.done.append("close")
        self.closing = True

    def is_closing(self):
        return self.closing

    def pause_reading(self):
        self.done.append("pause")

    def resume_reading(self):
        self.done.append("resume")


def after_one_step(use):
    """Let ``use`` write to a joining transport; return what reached the real one in that step."""

    async def run():
        real = FakeTransport()
        use(JoiningTransport(real), real)
        await asyncio.sleep(0)
        return real.done

    return asyncio.run(run())


def test_writes_of_one_step_leave_together_when_it_ends():
    def use(joining, real):
        joining.write(b"head")
        joining.write(b"body")
        assert real.done == []

    assert after_one_step(use) == [b"headbody"]


def test_writes_of_the_next_step_leave_too():
    async def run():
        real = FakeTransport()
        joining = JoiningTransport(real)
        for part in (b"one", b"two"):
            joining.write(part)
            await asyncio.sleep(0)
        return real.done

    assert asyncio.run(run()) == [b"one", b"two"]


def test_a_lot_leaves_at_once_so_that_the_transport_can_ask_for_a_pause():
    large = b"x" * (MAX_JOINED_BYTES + 1)

    def use(joining, real):
        joining.write(b"head")
        joining.write(large)
        assert real.done == [b"head" + large]
        joining.write(b"tail")

    assert after_one_step(use) == [b"head" + large, b"tail"]


def test_the_first_frames_of_a_websocket_leave_before_the_step_ends():
    frame = b"x" * MAX_JOINED_FRAMES_BYTES

    def use(joining, real):
        joining.become_websocket()
        joining.write(frame)
        assert real.done == []
        joining.write(b"y")
        assert real.done == [frame + b"y"]
        joining.write(b"z")

    assert after_one_step(use) == [frame + b"y", b"z"]


def test_a_response_of_the_same_size_stays_in_one_piece():
    def use(joining, _real):
        for _ in range(10):
            joining.write(b"x" * MAX_JOINED_FRAMES_BYTES)

    assert after_one_step(use) == [b"x" * MAX_JOINED_FRAMES_BYTES * 10]


def test_closing_sends_what_was_written_before():
    def use(joining, _real):
        joining.write(b"last words")
        joining.close()

    assert after_one_step(use) == [b"last words", "close"]


def test_nothing_is_written_to_a_connection_that_was_lost():
    def use(joining, real):
        joining.write(b"too late")
        real.closing = True

    assert after_one_step(use) == []


def test_everything_else_goes_to_the_transport_itself():
    assert after_one_step(lambda joining, _real: joining.pause_reading()) == ["pause"]


def test_a_pause_that_is_over_within_the_step_is_none():
    def use(joining, real):
        joining.become_websocket()
        joining.pause_reading()
        joining.resume_reading()

    assert after_one_step(use) == []


def test_a_pause_that_goes_on_begins_with_the_end_of_the_step():
    def use(joining, real):
        joining.become_websocket()
        joining.pause_reading()
        joining.pause_reading()
        assert real.done == []

    assert after_one_step(use) == ["pause"]


def test_a_late_pause_can_be_had_now_and_is_over_when_reading_goes_on():
    def use(joining, real):
        joining.become_websocket()
        joining.pause_now()
        joining.pause_reading()
        joining.pause_now()
        assert real.done == ["pause"]
        joining.resume_reading()

    assert after_one_step(use) == ["pause", "resume"]
