"""Ends connections whose token was revoked, ran out, or came to mean something else.

A session never changes: a worker whose token now allows other things is told to come back
(1012), and what it registered before goes with its connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from iii_triggers.engine.database import DatabaseThread
from iii_triggers.models import WorkerToken
from iii_triggers.protocol.close_codes import RESTARTING, UNAUTHORIZED

from .filters import InvalidRules
from .reading import rules_of_token
from .reserved import deciding_functions
from .rules import Rules

logger = logging.getLogger(__name__)


Close = Callable[[int], None]


@dataclass(slots=True, eq=False)
class HeldToken:
    """A connection that a token let in."""

    pk: int
    rules: Rules
    close: Close


@dataclass(slots=True)
class TokenWatch:
    """The connections of this process that live by a token."""

    database: DatabaseThread
    _held: set[HeldToken] = field(default_factory=set)
    _deciding: frozenset[str] | None = None

    @property
    def deciding_functions(self) -> frozenset[str]:
        """The middleware and the hooks of the tokens in use."""
        if self._deciding is None:
            rules = {held.pk: held.rules for held in self._held}
            self._deciding = frozenset(deciding_functions(rules.values()))
        return self._deciding

    def hold(self, held: HeldToken) -> None:
        """Begin to watch over a connection."""
        self._held.add(held)
        self._deciding = None

    def release(self, held: HeldToken) -> None:
        """Forget a connection that ended."""
        self._held.discard(held)
        self._deciding = None

    async def check(self) -> None:
        """Read the tokens in use, and end connections that are not right by them."""
        if not self._held:
            return
        rules = await self.database.run(_read_rules, {held.pk for held in self._held})
        for held in list(self._held):
            now = rules.get(held.pk)
            if now != held.rules:
                logger.info("Token %s changed: a connection ends.", held.pk)
                self.release(held)
                held.close(UNAUTHORIZED if now is None else RESTARTING)


def _read_rules(pks: Collection[int]) -> dict[int, Rules]:
    """Return what valid tokens allow; one that cannot be read allows nothing."""
    found = {}
    for row in WorkerToken.objects.valid().filter(pk__in=pks):
        try:
            found[row.pk] = rules_of_token(row)
        except InvalidRules as error:
            logger.warning("Token %s is not valid: %s", row, error.message)
    return found
