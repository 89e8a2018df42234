"""One worker that sends a lot at once does not make the others wait for all of it."""

from __future__ import annotations

from iii_triggers.consumers import WorkerConsumer
from iii_triggers.consumers.worker import FRAMES_IN_A_ROW
from iii_triggers.engine.core import Engine
from tests.support.asgi import Socket


async def test_a_worker_gets_its_answer_between_the_frames_of_another(engine: Engine) -> None:
    async with Socket(WorkerConsumer()) as noisy, Socket(WorkerConsumer()) as quiet:
        await noisy.greeting()
        await quiet.greeting()
        for _ in range(100 * FRAMES_IN_A_ROW):
            noisy.send({"type": "pong"})
        await quiet.pong()
        assert noisy.unread > 50 * FRAMES_IN_A_ROW
