"""A publisher that is a worker: it calls ``iii::durable::publish`` and ``enqueue`` in turn.

``python -m benchmarks.soak.publish_socket '<Order as JSON>'``. A number that got an error or no
answer is published again, as a careful client would: that may make it twice.
"""

from __future__ import annotations

import asyncio
import logging

from benchmarks.notes import note
from iii_triggers.protocol.errors import IiiError
from iii_triggers.sdk import AsyncClient

from .orders import ACKNOWLEDGED, Order, read_order
from .topic import TOPIC

FUNCTIONS = ("iii::durable::publish", "enqueue")
AT_ONCE = 4
ANSWER_S = 4.0
PAUSE_S = 0.2

logger = logging.getLogger(__name__)


async def publish(order: Order) -> None:
    """Publish the numbers over one connection until all are acknowledged."""
    numbers = iter(order.numbers)
    async with AsyncClient(order.url) as client:

        async def lane() -> None:
            for number in numbers:
                await _until_acknowledged(client, order, number)
                await asyncio.sleep(order.pause_s * AT_ONCE)

        await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


async def _until_acknowledged(client: AsyncClient, order: Order, number: int) -> None:
    function_id = FUNCTIONS[number // order.step % len(FUNCTIONS)]
    message = {"topic": TOPIC, "data": {"n": number}}
    while True:
        try:
            await client.call(function_id, message, timeout_s=ANSWER_S)
        except IiiError as error:
            logger.warning("%s again: %s", number, error)
            await asyncio.sleep(PAUSE_S)
        else:
            note(order.folder, ACKNOWLEDGED, number)
            return


if __name__ == "__main__":
    asyncio.run(publish(read_order()))
