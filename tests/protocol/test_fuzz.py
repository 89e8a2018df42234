"""Frames that nobody expects, in this process: the decoder and the engine's handling of them.

``make fuzz`` sends a million of them to real processes.
"""

from __future__ import annotations

import logging
import random
from itertools import islice

import pytest

from benchmarks.fuzz.frames import Frames
from iii_triggers.consumers import WorkerConsumer
from iii_triggers.engine.core import Engine
from iii_triggers.engine.mirror import write_batch
from iii_triggers.models import Function, Trigger, Worker
from iii_triggers.protocol.codec import decode, encode
from iii_triggers.protocol.errors import MalformedFrame
from tests.support.asgi import Socket

DECODED = 10_000
SESSIONS = 12
FRAMES = 150


def test_every_frame_is_a_message_or_malformed() -> None:
    messages = 0
    for frame in islice(Frames(random.Random(1), functions=["state::set"]), DECODED):
        try:
            message = decode(frame.payload)
        except MalformedFrame:
            continue
        messages += 1
        assert decode(encode(message)) is not None
    assert messages > DECODED / 10


def test_the_same_seed_makes_the_same_frames() -> None:
    drawn = [list(islice(Frames(random.Random(7), functions=["f"]), 200)) for _ in range(2)]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("seed", range(SESSIONS))
async def test_the_engine_takes_anything_and_keeps_nothing(
    engine: Engine, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    functions = sorted(function.info.function_id for function in engine.functions.local())
    async with Socket(WorkerConsumer()) as bystander:
        await bystander.greeting()
        async with Socket(WorkerConsumer()) as fuzzer:
            await fuzzer.greeting()
            for frame in islice(Frames(random.Random(seed), functions=functions), FRAMES):
                fuzzer.send(
                    frame.payload.decode(errors="replace") if frame.is_text else frame.payload
                )
            fuzzer.send(
                {"type": "invokefunction", "function_id": "nobody", "invocation_id": "last"}
            )
            while (await fuzzer.frame()).get("invocation_id") != "last":
                pass
            await bystander.pong()
    assert await engine.invoker.wait_idle(5)
    assert engine.connections == {}
    await engine.database.run(write_batch, engine.mirror.take())
    for model in (Worker, Function, Trigger):
        live = model.objects.filter(**({} if model is Worker else {"worker__isnull": False}))
        assert not await engine.database.run(live.exists)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
