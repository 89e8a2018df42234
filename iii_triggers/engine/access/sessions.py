"""The session of a connection: all the rules it is under, looked up once and remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .decision import Verdict, decide
from .rules import Rules

MAX_REMEMBERED = 10_000
MAX_REMEMBERED_LENGTH = 1000
"""Characters of a key that is remembered: ids of calls may be as long as a frame."""

Key = tuple[str, str]
"""Namespace and function id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a connection may call, register and expose. It never changes.

    A connection may be under the rules of its token and of its listener: what it does must be
    right by both.
    """

    rules: tuple[Rules, ...] = ()
    is_open: bool = True
    """Whether nothing needs to be looked at."""
    prefix: str = ""
    """What comes before the ids of its functions, ``::`` included."""
    middleware: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    holder: str = ""
    """The name of its token: who is under the same rules by another one is somebody else."""
    _remembered: dict[Key, Verdict] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, *rules: Rules, holder: str = "") -> Session:
        """Return the session of a connection under ``rules``, the outermost first."""
        return cls(
            rules=rules,
            is_open=all(one.is_open for one in rules),
            prefix="".join(f"{one.function_prefix}::" for one in rules if one.function_prefix),
            middleware=next((one.middleware for one in reversed(rules) if one.middleware), ""),
            context={key: value for one in rules for key, value in one.context.items()},
            holder=holder,
        )

    def verdict(
        self, namespace: str, function_id: str, metadata_of: Callable[[Key], tuple[Any, ...]]
    ) -> Verdict:
        """Tell whether a function may be called, or bound to a trigger (section 9.3).

        ``metadata_of`` returns what each of its providers registered it with.
        """
        # The engine's own functions answer in every namespace.
        if function_id.startswith(("engine::", "engine.")):
            namespace = "default"
        key = (namespace, function_id)
        verdict = self._remembered.get(key)
        if verdict is None:
            verdict = self._remember(key, self._decide(key, ()))
        if verdict == "not_exposed" and self._reads_metadata():
            # Not remembered: a function may be registered again with other metadata.
            return self._decide(key, metadata_of(key))
        return verdict

    def may_use(self, namespace: str) -> bool:
        """Tell whether the worker may live in a namespace, and register there."""
        return all(not one.namespaces or namespace in one.namespaces for one in self.rules)

    def may_bind(self, type_id: str) -> bool:
        """Tell whether triggers of a type may be registered."""
        allowed = (one.allowed_trigger_types for one in self.rules)
        return all(types is None or type_id in types for types in allowed)

    @property
    def may_register_functions(self) -> bool:
        """Whether functions may be registered."""
        return all(one.allow_function_registration for one in self.rules)

    @property
    def may_register_trigger_types(self) -> bool:
        """Whether trigger types may be registered."""
        return all(one.allow_trigger_type_registration for one in self.rules)

    def _decide(self, key: Key, metadata: tuple[Any, ...]) -> Verdict:
        return decide(self.rules, key[1], namespace=key[0], metadata=metadata)

    def _reads_metadata(self) -> bool:
        return any(item.match is None for one in self.rules for item in one.expose_functions)

    def _remember(self, key: Key, verdict: Verdict) -> Verdict:
        if sum(map(len, key)) > MAX_REMEMBERED_LENGTH:
            return verdict
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = verdict
        return verdict


OPEN = Session()
"""Of a worker that may do everything."""
