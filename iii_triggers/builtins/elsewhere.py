"""What the database tells of other nodes: introspection may read it, no other path does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

Row = TypeVar("Row")


async def read(engine: Engine, work: Callable[..., list[Row]], *arguments: Any) -> list[Row]:
    """Run a unit of work with the id of this node; [] while the database is away.

    What this node knows is told even then.
    """
    try:
        return await engine.database.run(work, engine.node.node_id, *arguments)
    except DatabaseError:
        logger.warning("Other nodes are left out: the database is away.", exc_info=True)
        return []
