"""``III_WORKER_LISTENERS``: more doors for workers, each with rules of its own.

The keys are those of the reference engine's configuration (protocol reference, sections 1.1, 9),
and ours: ``path``, ``require_token``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iii_triggers.conf import settings

from .filters import InvalidRules, read_filters
from .rules import NO_RULES, Hooks, Rules

LISTENER_KEYS = ("port", "host", "path", "middleware_function_id", "rbac", "require_token")
RBAC_KEYS = (
    "auth_function_id",
    "expose_functions",
    "on_function_registration_function_id",
    "on_trigger_registration_function_id",
    "on_trigger_type_registration_function_id",
)
RESERVED_PATHS = frozenset({"otel", "ws"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One more door for workers."""

    port: int | None = None
    host: str | None = None
    """Address to listen on; None is the one of the other doors."""
    path: str | None = None
    """Name below ``/iii/worker/`` on the port of the site."""
    auth_function: str = ""
    require_token: bool = False
    rules: Rules = NO_RULES

    @property
    def label(self) -> str:
        """What people read."""
        return f"worker listener {self.path}" if self.path else "worker listener"


class Listeners:
    """The listeners of the site's settings, read once as long as they stay the same."""

    def __init__(self) -> None:
        self._source: Any = None
        self._all: tuple[Listener, ...] = ()
        self._ports: dict[int, Listener] = {}
        self._paths: dict[str, Listener] = {}

    def all(self) -> tuple[Listener, ...]:
        """Return every listener. Raise InvalidRules if the setting is wrong."""
        source = settings.III_WORKER_LISTENERS
        if source is not self._source:
            self._read(source)
        return self._all

    def on_port(self, port: int) -> Listener | None:
        """Return the listener that has a port."""
        self.all()
        return self._ports.get(port)

    def at_path(self, name: str) -> Listener | None:
        """Return the listener with this name below ``/iii/worker/``."""
        self.all()
        return self._paths.get(name)

    def _read(self, source: Any) -> None:
        found = tuple(read_listener(item) for item in source)
        self._ports = {item.port: item for item in found if item.port is not None}
        self._paths = {item.path: item for item in found if item.path is not None}
        self._source, self._all = source, found


listeners = Listeners()


def listener_problems(value: Any) -> Iterator[str]:
    """Say what is wrong with the setting, for the system check."""
    places: set[object] = set()
    for number, item in enumerate(value, 1):
        try:
            listener = read_listener(item)
        except InvalidRules as error:
            yield f"listener {number}: {error.message}"
            continue
        for place in (listener.port, listener.path):
            if place is not None and place in places:
                yield f"listener {number}: {place!r} is taken by another listener"
            places.add(place)


def read_listener(value: Any) -> Listener:
    """Return one entry of the setting. Raise InvalidRules."""
    _check_keys(value, LISTENER_KEYS, "a listener")
    port, path = value.get("port"), value.get("path")
    if port is None and path is None:
        raise InvalidRules("a listener has a port, a path or both")
    is_port = isinstance(port, int) and not isinstance(port, bool) and 0 < port <= 65535
    if port is not None and not is_port:
        raise InvalidRules(f"{port!r} is not a port")
    if path is not None and not _is_name(path):
        raise InvalidRules(f"{path!r} is not a name of letters, digits, '-' and '_'")
    rbac = value.get("rbac")
    if rbac is not None:
        _check_keys(rbac, RBAC_KEYS, "rbac")
    return Listener(
        port=port,
        host=_text(value, "host") or None,
        path=path,
        auth_function=_text(rbac or {}, "auth_function_id"),
        require_token=_flag(value, "require_token"),
        rules=_rules(_text(value, "middleware_function_id"), rbac),
    )


def _rules(middleware: str, rbac: Mapping[str, Any] | None) -> Rules:
    if rbac is None:
        return Rules(middleware=middleware)
    return Rules(
        restricts_calls=True,
        expose_functions=read_filters(rbac.get("expose_functions") or ()),
        middleware=middleware,
        hooks=Hooks(
            function=_text(rbac, "on_function_registration_function_id"),
            trigger=_text(rbac, "on_trigger_registration_function_id"),
            trigger_type=_text(rbac, "on_trigger_type_registration_function_id"),
        ),
    )


def _check_keys(value: Any, known: tuple[str, ...], what: str) -> None:
    if not isinstance(value, Mapping):
        raise InvalidRules(f"{what} must be a dict")
    unknown = ", ".join(repr(key) for key in value if key not in known)
    if unknown:
        raise InvalidRules(f"{what} has no key {unknown}; its keys are {', '.join(known)}")


def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    if text is None:
        return ""
    if not isinstance(text, str) or not text.strip():
        raise InvalidRules(f"{key} must be a string")
    return text


def _flag(value: Mapping[str, Any], key: str) -> bool:
    flag = value.get(key, False)
    if not isinstance(flag, bool):
        raise InvalidRules(f"{key} must be True or False")
    return flag


def _is_name(path: Any) -> bool:
    return (
        isinstance(path, str)
        and path not in RESERVED_PATHS
        and path.replace("-", "").replace("_", "").isalnum()
        and path.isascii()
    )
