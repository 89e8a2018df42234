"""Opening channels (protocol reference, section 7.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from iii_triggers.engine.channels import channel_ref
from iii_triggers.engine.channels.registry import DEFAULT_MESSAGES
from iii_triggers.engine.functions import CallContext, LocalFunction

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ChannelInput(Struct):
    """How many messages may wait for the reader: ``{"buffer_size": int}``, 1 to 1024."""

    buffer_size: int | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def create(data: ChannelInput, context: CallContext) -> dict[str, dict[str, str]]:
        size = DEFAULT_MESSAGES if data.buffer_size is None else data.buffer_size
        session = context.caller.session if context.caller is not None else None
        channel_id, key = engine.channels.create(buffer_size=size, session=session)
        return {
            "writer": channel_ref(channel_id, key, "write"),
            "reader": channel_ref(channel_id, key, "read"),
        }

    yield from builtin(
        "engine::channels::create",
        ChannelInput,
        create,
        description="Open a channel and return the refs of its two ends.",
    )
