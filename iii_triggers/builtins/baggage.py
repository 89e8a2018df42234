"""``engine::baggage::*``: the W3C baggage that a call came with (protocol reference, section 7.6).

For looking only: baggage travels with calls, and nothing is kept between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct

from iii_triggers.engine.functions import CallContext, LocalFunction

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

MAX_MEMBERS = 180
"""As many as the W3C recommendation asks for."""
NOTE = "Baggage travels with calls: send it with yours. Nothing was kept."


class GetInput(Struct):
    """Which member."""

    key: str


class SetInput(Struct):
    """A member."""

    key: str
    value: Any = None


class GetAllInput(Struct):
    """Nothing."""


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def get(data: GetInput, context: CallContext) -> dict[str, Any]:
        return {"value": members(context.baggage).get(data.key)}

    def set_(data: SetInput, context: CallContext) -> dict[str, Any]:
        return {"success": True, "note": NOTE}

    def get_all(data: GetAllInput, context: CallContext) -> dict[str, Any]:
        return {"baggage": members(context.baggage)}

    yield from builtin("engine::baggage::get", GetInput, get, description="A member of baggage.")
    yield from builtin("engine::baggage::set", SetInput, set_, description="Keeps nothing.")
    yield from builtin("engine::baggage::get_all", GetAllInput, get_all, description="Baggage.")


def members(baggage: str | None) -> dict[str, str]:
    """Return the members of a ``baggage`` header; what is not one is left out."""
    found: dict[str, str] = {}
    for member in (baggage or "").split(",", MAX_MEMBERS)[:MAX_MEMBERS]:
        key, equals, value = member.partition(";")[0].partition("=")
        if equals and key.strip():
            found[key.strip()] = unquote(value.strip())
    return found
