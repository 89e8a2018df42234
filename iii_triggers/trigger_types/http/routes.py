"""The route table: from a method and a raw request path to the trigger that serves it.

Routes with parameters at the same positions form a *shape*; a shape is one dict from the literal
segments to the routes. A match looks up the whole path (routes without parameters), then each shape
of that many segments, literals before parameters from the left. The cost depends on the number
of different shapes of one length, which is limited, and not on the number of routes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter
from typing import Any, Generic

from msgspec import Struct

from iii_triggers.protocol.errors import LimitExceeded

from .candidates import Candidate, Entry, Route, T
from .patterns import Pattern, parse_pattern, split_path

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
MAX_SHAPES = 128


class Match(Struct, Generic[T], frozen=True):
    """The trigger that serves a request.

    ``target`` is the candidate's; ``pattern`` is the pattern as registered; ``path_params`` are
    decoded; ``method`` is the one of the route (GET for a HEAD request that a GET route answers).
    """

    target: T
    pattern: str
    path_params: dict[str, str]
    method: str


class MethodNotAllowed(Struct, frozen=True):
    """The path is known, but not for this method; ``allowed`` is what ``Allow`` must list."""

    allowed: tuple[str, ...]


class Shape(Generic[T]):
    """The routes with parameters at the same positions, by their literal segments and method."""

    __slots__ = ("mask", "pick", "routes")

    def __init__(self, mask: tuple[bool, ...]) -> None:
        self.mask = mask
        self.pick = _picker([i for i, is_param in enumerate(mask) if not is_param])
        self.routes: dict[Any, dict[str, Route[T]]] = {}


class RouteTable(Generic[T]):
    """The routes of the http triggers.

    Change it from one thread only; ``match`` may run in any thread meanwhile.
    """

    def __init__(self) -> None:
        self._static: dict[bytes, dict[str, Route[T]]] = {}
        self._shapes: dict[int, tuple[Shape[T], ...]] = {}
        self._registered: dict[Hashable, tuple[Route[T], Entry[T]]] = {}

    def add(self, method: str, pattern: str, candidate: Candidate[T]) -> None:
        """Add a candidate, in place of the one with the same key, wherever that stands.

        Raise InvalidConfig for a bad pattern, TriggerConflict if another trigger has the route
        and LimitExceeded for too many shapes; then nothing has changed.
        """
        entry = self._checked(method, pattern, candidate)
        route = self._find(method, entry.pattern)
        if route is None:
            route = self._open(method, entry)
        else:
            route.put(entry)
        old, _ = self._registered.get(candidate.key, (route, entry))
        self._registered[candidate.key] = (route, entry)
        if old is not route:
            self._leave(old, candidate.key)

    def check(self, method: str, pattern: str, candidate: Candidate[T]) -> None:
        """Raise what ``add`` would raise, and change nothing."""
        self._checked(method, pattern, candidate)

    def targets(self, method: str, pattern: str) -> list[T]:
        """Return those that share the route of a pattern. Raise InvalidConfig for a bad one."""
        route = self._find(method, parse_pattern(pattern))
        return [] if route is None else [entry.candidate.target for entry in route.entries]

    def remove(self, key: Hashable, *, target: T | None = None) -> bool:
        """Remove a candidate and tell whether it was there.

        With ``target`` only if that very object is still registered under the key, so that an
        owner who was superseded cannot remove its successor's route.
        """
        route, entry = self._registered.get(key, (None, None))
        if route is None or entry is None:
            return False
        if target is not None and entry.candidate.target is not target:
            return False
        del self._registered[key]
        self._leave(route, key)
        return True

    def match(self, method: str, raw_path: bytes | str) -> Match[T] | MethodNotAllowed | None:
        """Find the trigger for a percent-encoded request path; None if the path is unknown."""
        if isinstance(raw_path, str):
            raw_path = raw_path.encode(errors="surrogatepass")
        methods = self._static.get(raw_path)
        route = methods.get(method) if methods is not None else None
        if route is not None:
            serving = route.serving
            return Match(serving.candidate.target, serving.pattern.text, {}, method)
        segments = split_path(raw_path)
        return None if segments is None else self._match_segments(method, segments)

    def _match_segments(
        self, method: str, segments: list[str]
    ) -> Match[T] | MethodNotAllowed | None:
        allowed: set[str] = set()
        route = self._search(method, segments, allowed)
        if route is None and method == "HEAD":
            route = self._search("GET", segments, allowed)
        if route is not None:
            serving = route.serving
            params = {name: segments[i] for name, i in serving.pattern.params}
            return Match(serving.candidate.target, serving.pattern.text, params, route.method)
        return MethodNotAllowed(_allow(allowed)) if allowed else None

    def _search(self, method: str, segments: list[str], allowed: set[str]) -> Route[T] | None:
        for shape in self._shapes.get(_group(segments), ()):
            methods = shape.routes.get(shape.pick(segments))
            if methods is not None:
                route = methods.get(method)
                if route is not None:
                    return route
                allowed.update(methods)
        return None

    def _checked(self, method: str, pattern: str, candidate: Candidate[T]) -> Entry[T]:
        entry = Entry(candidate=candidate, pattern=parse_pattern(pattern))
        route = self._find(method, entry.pattern)
        if route is not None:
            route.check(entry)
        elif self._shape(entry.pattern) is None:
            self._check_room(entry.pattern)
        return entry

    def _check_room(self, pattern: Pattern) -> None:
        if len(self._shapes.get(_group(pattern.segments), ())) >= MAX_SHAPES:
            raise LimitExceeded(
                f"Route '{pattern.text}' cannot be added: there are already {MAX_SHAPES} different "
                f"arrangements of parameters among routes of {len(pattern.segments)} segments"
            )

    def _shape(self, pattern: Pattern) -> Shape[T] | None:
        mask = _mask(pattern)
        shapes = self._shapes.get(_group(pattern.segments), ())
        return next((shape for shape in shapes if shape.mask == mask), None)

    def _find(self, method: str, pattern: Pattern) -> Route[T] | None:
        shape = self._shape(pattern)
        if shape is None:
            return None
        return shape.routes.get(shape.pick(pattern.segments), {}).get(method)

    def _open(self, method: str, entry: Entry[T]) -> Route[T]:
        pattern = entry.pattern
        shape = self._shape(pattern) or self._add_shape(pattern)
        methods = shape.routes.setdefault(shape.pick(pattern.segments), {})
        route = methods[method] = Route(method, entry)
        if (raw_path := pattern.raw_path) is not None:
            self._static[raw_path] = methods
        return route

    def _add_shape(self, pattern: Pattern) -> Shape[T]:
        shape: Shape[T] = Shape(_mask(pattern))
        shapes = list(self._shapes.get(_group(pattern.segments), ()))
        insort(shapes, shape, key=lambda other: other.mask)
        self._shapes[_group(pattern.segments)] = tuple(shapes)
        return shape

    def _leave(self, route: Route[T], key: Hashable) -> None:
        pattern = route.serving.pattern
        shape = self._shape(pattern)
        if route.remove(key) or shape is None:
            return
        methods = shape.routes[shape.pick(pattern.segments)]
        del methods[route.method]
        if not methods:
            self._close(shape, pattern)

    def _close(self, shape: Shape[T], pattern: Pattern) -> None:
        del shape.routes[shape.pick(pattern.segments)]
        if (raw_path := pattern.raw_path) is not None:
            del self._static[raw_path]
        if not shape.routes:
            group = _group(pattern.segments)
            self._shapes[group] = tuple(s for s in self._shapes[group] if s is not shape)


def _group(segments: Sequence[str | None]) -> int:
    """Count the segments, negative after a trailing slash.

    So a path with one meets only patterns with one, and a parameter never gets "".
    """
    return -len(segments) if segments[-1] == "" else len(segments)


def _mask(pattern: Pattern) -> tuple[bool, ...]:
    """Tell where the parameters are; masks sort as literals come before parameters."""
    return tuple(segment is None for segment in pattern.segments)


def _picker(positions: list[int]) -> Callable[[Sequence[str | None]], Any]:
    return itemgetter(*positions) if positions else _nothing


def _nothing(_segments: Sequence[str | None]) -> tuple[()]:
    return ()


def _allow(methods: set[str]) -> tuple[str, ...]:
    allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return tuple(method for method in METHODS if method in allowed)
