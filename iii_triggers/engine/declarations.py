"""``@function`` and ``trigger``: functions and triggers declared in the site's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.utils.module_loading import autodiscover_modules

from .functions import FunctionInfo, LocalFunction

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDeclaration:
    """A trigger declared in code; it becomes a row with source ``code``."""

    type: str
    config: dict[str, Any]
    id: str | None = None
    metadata: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTrigger:
    """A declaration together with the function it belongs to."""

    id: str
    type: str
    function_id: str
    namespace: str
    config: dict[str, Any]
    metadata: Any


def trigger(
    type_: str,
    /,
    *,
    id: str | None = None,
    metadata: Any = None,
    **config: Any,
) -> TriggerDeclaration:
    """Declare a trigger for ``@function(triggers=[...])``.

    ``trigger("http", api_path="greet", http_method="POST")``: the other keywords are its config.
    Without ``id`` it gets one made of the function's id and the type, the same at every start.
    """
    return TriggerDeclaration(type=type_, config=config, id=id, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTriggerType:
    """A trigger type that the site fires itself."""

    id: str
    description: str = ""
    config_schema: Any = None
    call_schema: Any = None


@dataclass(slots=True)
class SiteFunctions:
    """What the site's ``functions.py`` modules declared, by namespace and id."""

    _functions: dict[tuple[str, str], LocalFunction] = field(default_factory=dict)
    _triggers: dict[tuple[str, str], list[DeclaredTrigger]] = field(default_factory=dict)
    _types: dict[str, DeclaredTriggerType] = field(default_factory=dict)
    _discovered: bool = False

    def declare(self, function: LocalFunction, triggers: Sequence[TriggerDeclaration]) -> None:
        """Add a function and its triggers; declaring the id again replaces both."""
        info = function.info
        self._functions[info.key] = function
        self._triggers[info.key] = _named(info, triggers)

    def declare_type(self, type_: DeclaredTriggerType) -> None:
        """Add a trigger type; declaring the id again replaces it."""
        self._types[type_.id] = type_

    def discover(self) -> None:
        """Import the ``functions`` module of every installed app, once."""
        if not self._discovered:
            autodiscover_modules("functions")
            self._discovered = True

    def functions(self) -> Iterator[LocalFunction]:
        """Iterate over the declared functions."""
        yield from list(self._functions.values())

    def types(self) -> Iterator[DeclaredTriggerType]:
        """Iterate over the declared trigger types."""
        yield from list(self._types.values())

    def triggers(self) -> Iterator[DeclaredTrigger]:
        """Iterate over the declared triggers."""
        for declared in list(self._triggers.values()):
            yield from declared


site_functions = SiteFunctions()


def trigger_type(
    id: str,
    /,
    *,
    description: str = "",
    config_schema: dict[str, Any] | None = None,
    call_schema: dict[str, Any] | None = None,
) -> None:
    """Declare an event of the site's own, which its code fires with ``fire_triggers(id, payload)``.

    ``config_schema`` is a JSON Schema that the config of each trigger must match; ``call_schema``
    one of the payload, for people.
    """
    site_functions.declare_type(
        DeclaredTriggerType(
            id=id,
            description=description,
            config_schema=config_schema,
            call_schema=call_schema,
        )
    )


def function(
    id: str,
    /,
    *,
    namespace: str = "default",
    description: str | None = None,
    request_format: Any = None,
    response_format: Any = None,
    metadata: dict[str, Any] | None = None,
    triggers: Sequence[TriggerDeclaration] = (),
) -> Callable[[Handler], Handler]:
    """Make a callable of the site a function that triggers, workers and ``invoke`` can run.

    The callable gets the input (any JSON value) and returns the result (any JSON value; None is
    "no result"). An ``async def`` runs on the event loop, a plain one in a thread. The callable
    itself is returned unchanged. ``request_format`` and ``response_format`` are JSON Schemas for
    people and tools; nothing is checked against them.
    """
    info = FunctionInfo(
        function_id=id,
        namespace=namespace,
        description=description,
        request_format=request_format,
        response_format=response_format,
        metadata=metadata,
    )
    return partial(_declare, info, triggers)


def _declare(
    info: FunctionInfo, triggers: Sequence[TriggerDeclaration], handler: Handler
) -> Handler:
    info = replace(info, description=info.description or _first_line(handler))
    local = LocalFunction(info=info, handler=handler, is_async=iscoroutinefunction(handler))
    site_functions.declare(local, triggers)
    return handler


def _named(info: FunctionInfo, triggers: Sequence[TriggerDeclaration]) -> list[DeclaredTrigger]:
    seen: dict[str, int] = {}
    named = []
    for declaration in triggers:
        number = seen[declaration.type] = seen.get(declaration.type, 0) + 1
        suffix = "" if number == 1 else f":{number}"
        named.append(
            DeclaredTrigger(
                id=declaration.id or f"{info.function_id}:{declaration.type}{suffix}",
                type=declaration.type,
                function_id=info.function_id,
                namespace=info.namespace,
                config=declaration.config,
                metadata=declaration.metadata,
            )
        )
    return named


def _first_line(handler: Callable[..., Any]) -> str | None:
    text = (getattr(handler, "__doc__", None) or "").strip()
    return text.splitlines()[0] if text else None
