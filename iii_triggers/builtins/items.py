"""What the functions of all item stores have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError
from msgspec import UNSET, Raw, UnsetType

from iii_triggers.engine.functions import CallContext
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError, InvalidInput
from iii_triggers.store.items import check_depth

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ItemFailed(IiiError):
    """The database failed."""


async def run_items(
    engine: Engine, work: Callable[..., T], *arguments: Any, code: str, what: str
) -> T:
    """Run a unit of work of a store. Raise what it raises, and ItemFailed with ``code``.

    The message is the one SDKs know, ``Failed to <what>: ...``; the log has the reason.
    """
    try:
        return await engine.database.run(work, *arguments)
    except DatabaseError as error:
        logger.exception("The database could not %s.", what)
        raise ItemFailed(f"Failed to {what}: the database failed", code=code) from error


def given_text(value: Raw | UnsetType, context: CallContext, *, name: str = "value") -> bytes:
    """Return a value as the JSON text it was sent. Raise InvalidInput, LimitExceeded."""
    if value is UNSET:
        raise InvalidInput.of(context.function_id, f"missing field `{name}`")
    text = bytes(value)
    check_depth(from_json(text))
    return text
