"""Who serves one method and path when several triggers want it (design, section 5).

The site's own trigger (source admin, api or code) always serves; among triggers of workers the
newest does, and an older one comes back when it goes.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from iii_triggers.protocol.errors import TriggerConflict

from .patterns import Pattern

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[T]):
    """A trigger that wants to serve a route.

    ``key`` is unique in the route table; ``trigger_id`` is for people; ``namespace`` is that of the
    function; ``target`` is whatever the caller wants back from a match; ``since`` is when the
    trigger was registered, so that every process has the same one serve.
    """

    key: Hashable
    trigger_id: str
    function_id: str
    namespace: str
    is_worker_owned: bool
    target: T
    since: float = 0.0

    def runs_the_same_as(self, other: Candidate[T]) -> bool:
        """Tell whether both run the same function."""
        return (self.function_id, self.namespace) == (other.function_id, other.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[T]):
    """A candidate and the pattern it was registered with."""

    candidate: Candidate[T]
    pattern: Pattern


class Route(Generic[T]):
    """One method on one shape of path, with its candidates, oldest first.

    ``serving`` is replaced as a whole, so a reader in another thread sees the old or the new one.
    """

    __slots__ = ("entries", "method", "serving")

    def __init__(self, method: str, entry: Entry[T]) -> None:
        self.method = method
        self.entries = [entry]
        self.serving = entry

    def check(self, entry: Entry[T]) -> None:
        """Raise TriggerConflict if ``entry`` may not join; its own predecessor does not count."""
        others = self._without(entry.candidate.key)
        if not others:
            return
        if others[0].pattern.params != entry.pattern.params:
            raise self._conflict(
                entry,
                self.serving,
                "routes with identical structure but different path-parameter names are not "
                "supported",
            )
        for site in others:
            if not site.candidate.is_worker_owned:
                self._check_behind(site, entry)

    def put(self, entry: Entry[T]) -> None:
        """Add ``entry`` by its age, in place of one with the same key."""
        entries = [*self._without(entry.candidate.key), entry]
        self._set(sorted(entries, key=lambda one: one.candidate.since))

    def remove(self, key: Hashable) -> bool:
        """Remove that candidate's entry; tell whether the route is still served."""
        entries = self._without(key)
        if entries:
            self._set(entries)
        return bool(entries)

    def _set(self, entries: list[Entry[T]]) -> None:
        self.entries = entries
        site = (entry for entry in entries if not entry.candidate.is_worker_owned)
        self.serving = next(site, entries[-1])

    def _without(self, key: Hashable) -> list[Entry[T]]:
        return [entry for entry in self.entries if entry.candidate.key != key]

    def _check_behind(self, site: Entry[T], entry: Entry[T]) -> None:
        waits = entry.candidate.is_worker_owned
        if not (waits and entry.candidate.runs_the_same_as(site.candidate)):
            reason = f"trigger '{site.candidate.trigger_id}' of the site serves it"
            raise self._conflict(entry, site, reason)

    def _conflict(self, entry: Entry[T], other: Entry[T], reason: str) -> TriggerConflict:
        wanted, taken = entry.pattern.text, other.pattern.text
        return TriggerConflict(
            f"Route '{self.method} {wanted}' conflicts with already-registered route "
            f"'{self.method} {taken}': {reason}"
        )
