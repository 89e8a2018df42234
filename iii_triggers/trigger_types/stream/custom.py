"""Stores of workers that take the place of ours, each for one stream.

SDKs register them function by function (protocol reference, section 7.8). The newer names are
unmistakable. The older ones, such as ``todos.get``, could be any function's: they count only where
a worker offers all that those SDKs register together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from iii_triggers.engine.functions import FunctionTable, LocalFunction

Verb = Literal["get", "set", "delete", "list", "list_groups", "update"]

SEPARATORS = (".", "::")
REGISTERED_TOGETHER = ("get", "set", "delete", "list")
GROUP_LISTINGS = ("list_groups", "listGroups")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFunction:
    """A function that does one thing for the items of one stream."""

    function_id: str
    namespace: str
    is_old: bool = False
    """Whether its SDK may return nothing from ``delete``.

    Those do that have older names, or register ``stream::update(NAME)`` (PyPI before 0.9.0).
    """


@dataclass(frozen=True, slots=True)
class CustomStores:
    """Looks custom stores up in the function table, at every use."""

    functions: FunctionTable

    def find(
        self, verb: Verb, stream_name: str, namespaces: Iterable[str]
    ) -> CustomFunction | None:
        """Return the function to call instead of our own store, from the first that has one."""
        for namespace in namespaces:
            function_id = f"stream::{verb}({stream_name})"
            if self._is_there(namespace, function_id):
                is_old = self._is_there(namespace, f"stream::update({stream_name})")
                return CustomFunction(function_id=function_id, namespace=namespace, is_old=is_old)
            for separator in SEPARATORS:
                old_id = self._old_id(namespace, f"{stream_name}{separator}", verb)
                if old_id is not None:
                    return CustomFunction(function_id=old_id, namespace=namespace, is_old=True)
        return None

    def _old_id(self, namespace: str, prefix: str, verb: Verb) -> str | None:
        names = GROUP_LISTINGS if verb == "list_groups" else (verb,)
        for name in names:
            if self._is_a_workers(namespace, prefix + name) and self._is_a_store(namespace, prefix):
                return prefix + name
        return None

    def _is_a_store(self, namespace: str, prefix: str) -> bool:
        return all(
            self._is_a_workers(namespace, prefix + name) for name in REGISTERED_TOGETHER
        ) and any(self._is_a_workers(namespace, prefix + name) for name in GROUP_LISTINGS)

    def _is_there(self, namespace: str, function_id: str) -> bool:
        return self.functions.find(namespace, function_id) is not None

    def _is_a_workers(self, namespace: str, function_id: str) -> bool:
        found = self.functions.find(namespace, function_id)
        return found is not None and not isinstance(found, LocalFunction)
