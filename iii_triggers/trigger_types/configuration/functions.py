"""The functions ``configuration::*`` (trigger reference, section 9)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError
from msgspec import Raw, Struct

from iii_triggers.builtins.base import builtin
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Configuration
from iii_triggers.protocol.codec import from_json, is_null, to_json
from iii_triggers.protocol.errors import IiiError

from .changes import ConfigurationChange, described
from .entries import Registration, find, register, set_value
from .placeholders import expand

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

T = TypeVar("T")


class AdapterError(IiiError):
    """The database failed."""

    code = "ADAPTER_ERROR"


class IdInput(Struct):
    """Which configuration: ``{"id": str}``."""

    id: str


class GetInput(IdInput):
    """Which one, and whether its placeholders stay as they are."""

    raw: bool = False


class SetInput(IdInput):
    """Which one, and its new value."""

    value: Raw


class RegisterInput(IdInput):
    """A configuration; ``schema`` is a JSON Schema."""

    name: str = ""
    description: str = ""
    schema: Any = None
    initial_value: Raw = Raw()
    metadata: Any = None


class NoInput(Struct):
    """Nothing is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFunctions:
    """The functions. All raise AdapterError when the database fails."""

    engine: Engine
    on_change: Callable[[ConfigurationChange], None]
    """Called on the loop of the engine, after the change."""

    async def register(self, data: RegisterInput, context: CallContext) -> Payload:
        """Register one, and return it with its value as stored. Raise what ``entries`` raises."""
        wish = Registration(
            id=data.id,
            name=data.name,
            description=data.description,
            schema={} if data.schema is None else data.schema,
            initial_value=None if is_null(data.initial_value) else _text(data.initial_value),
            metadata=data.metadata,
        )
        change = await self._change(partial(register, wish))
        entry = {**described(change.row), "value": Raw(change.row.value.encode())}
        return Payload.of_json(to_json(entry))

    async def set(self, data: SetInput, context: CallContext) -> Payload:
        """Replace a value: ``{"old_value": any, "new_value": any}``, both as stored."""
        change = await self._change(partial(set_value, data.id, _text(data.value)))
        values = {"old_value": _raw(change.old), "new_value": _raw(change.new)}
        return Payload.of_json(to_json(values))

    async def get(self, data: GetInput, context: CallContext) -> Payload:
        """Return ``{"id": str, "value": any}``, expanded unless ``raw``.

        Raise NotFound, ExpandFailed.
        """
        row = await self._run(partial(find, data.id))
        value = _raw(row.value) if data.raw else expand(from_json(row.value))
        return Payload.of_json(to_json({"id": row.config_id, "value": value}))

    async def list(self, data: NoInput, context: CallContext) -> dict[str, Any]:
        """Return ``{"configurations": [...]}`` without their values."""
        rows = await self._run(lambda: [*Configuration.objects.order_by("config_id")])
        return {"configurations": [described(row) for row in rows]}

    async def schema(self, data: IdInput, context: CallContext) -> dict[str, Any]:
        """Return one as ``list`` does. Raise NotFound."""
        return described(await self._run(partial(find, data.id)))

    async def _change(self, work: Callable[[], ConfigurationChange]) -> ConfigurationChange:
        def change() -> ConfigurationChange:
            done = work()
            # From this thread: the caller may have given up waiting.
            if self.engine.loop is not None:
                self.engine.loop.call_soon_threadsafe(self.on_change, done)
            return done

        return await self._run(change)

    async def _run(self, work: Callable[[], T]) -> T:
        # Not the engine's own thread: what a schema asks for may take long to check.
        try:
            result: T = await self.engine.invoker.threads.run(work)
        except DatabaseError as error:
            logger.exception("A configuration could not be read or written.")
            raise AdapterError() from error
        return result


def configuration_functions(
    engine: Engine, on_change: Callable[[ConfigurationChange], None]
) -> Iterator[LocalFunction]:
    """Return the functions."""
    ours = ConfigurationFunctions(engine=engine, on_change=on_change)
    family: list[tuple[str, type[Struct], Callable[..., Any], str]] = [
        ("configuration::register", RegisterInput, ours.register, "Register a configuration."),
        ("configuration::set", SetInput, ours.set, "Replace the value of a configuration."),
        ("configuration::get", GetInput, ours.get, "Read the value of a configuration."),
        ("configuration::list", NoInput, ours.list, "List the configurations, without values."),
        ("configuration::schema", IdInput, ours.schema, "Describe a configuration."),
    ]
    for function_id, input_type, handler, description in family:
        yield from builtin(function_id, input_type, handler, description=description)


def _text(raw: Raw) -> str:
    return bytes(raw).decode()


def _raw(text: str | None) -> Raw:
    return Raw(b"null" if text is None else text.encode())
