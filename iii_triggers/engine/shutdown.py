"""The order in which an engine ends: first it drains, then it stops."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError

from iii_triggers.conf import settings

from .registrar import send_clients_away, unbind

if TYPE_CHECKING:
    from .core import Engine

logger = logging.getLogger(__name__)

TELL_S = 2.0
"""How long a process that stops tries to write that it does."""


async def drain(engine: Engine) -> None:
    """Finish what is in flight, and send clients and workers elsewhere.

    Clients go first, because workers are called when they leave, and the last workers go last of
    all, because they run what is in flight. Triggers fire until everything is done.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + settings.III_SHUTDOWN_GRACE_S
    await _tell(engine)
    for type_ in engine.types.values():
        await send_clients_away(type_)
    await engine.drains.move(deadline)
    if not await engine.invoker.wait_idle(deadline - clock()):
        logger.warning("Stopping with %d calls in flight.", engine.invoker.in_flight)
    # A function may be done while its answer is still being streamed.
    if not await engine.channels.wait_idle(deadline - clock()):
        logger.warning("Stopping with %d requests unanswered.", engine.channels.sources)
    for type_ in engine.types.values():
        await unbind(type_)
    await engine.drains.finish(deadline)


async def stop(engine: Engine) -> None:
    """End everything, and write what is left to write."""
    await engine.drains.stop()
    await engine.send_away(engine.connections)
    await engine.invoker.stop()
    engine.channels.stop()
    await engine.telemetry.stop()
    await engine.network.stop()
    await engine.loops.stop()
    engine.nudges.stop()
    engine.loop = None
    try:
        await engine.writer.write()
        await engine.history.flush()
        await engine.database.run(engine.node.leave)
    except DatabaseError:
        # The rows stay until another node finds that this one is gone.
        logger.warning("The engine stopped while the database was away.", exc_info=True)
    await engine.history.stop()
    await engine.heart.stop()
    await engine.database.stop()


async def _tell(engine: Engine) -> None:
    try:
        async with asyncio.timeout(TELL_S):
            await engine.database.run(engine.node.drain)
    except (DatabaseError, TimeoutError):
        logger.warning("Other nodes do not know yet that this one stops.", exc_info=True)
