"""Learning that the engine did *not* refuse a trigger.

The engine answers a refused trigger and is silent about an accepted one. It handles the frames of
one socket in order, so a ``ping`` sent right behind a registration asks: when its ``pong`` comes
and no refusal came before, there is none (protocol reference, sections 1.5 and 3.3).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from iii_triggers.protocol.errors import TriggerRejected
from iii_triggers.protocol.messages import Message, Ping

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ticket:
    trigger_id: str
    verdict: asyncio.Future[None]


class Confirmations:
    """The pings without a pong, oldest first, each with the trigger it asks about."""

    def __init__(self, *, send: Callable[[Message], None], timeout_s: float) -> None:
        self._send = send
        self._timeout_s = timeout_s
        self._tickets: deque[_Ticket] = deque()

    async def confirm(self, trigger_id: str = "") -> None:
        """Wait until the engine has handled all that was sent; raise TriggerRejected if it refused.

        A lost connection and an engine that never answers count as "not refused".
        """
        ticket = _Ticket(trigger_id, asyncio.get_running_loop().create_future())
        self._tickets.append(ticket)
        self._send(Ping())
        try:
            async with asyncio.timeout(self._timeout_s):
                await ticket.verdict
        except TimeoutError:
            logger.warning("The engine did not confirm within %s s", self._timeout_s)

    def reject(self, trigger_id: str, error: TriggerRejected) -> bool:
        """Hand a refusal to who waits for it; tell whether somebody did."""
        for ticket in self._tickets:
            if ticket.trigger_id == trigger_id and not ticket.verdict.done():
                ticket.verdict.set_exception(error)
                return True
        return False

    def pong(self) -> None:
        """The engine has handled everything up to the oldest ping."""
        if self._tickets:
            _accept(self._tickets.popleft())

    def lost(self) -> None:
        """The pongs of this connection never come."""
        while self._tickets:
            _accept(self._tickets.popleft())


def _accept(ticket: _Ticket) -> None:
    if not ticket.verdict.done():
        ticket.verdict.set_result(None)
