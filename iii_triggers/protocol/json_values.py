"""JSON of strangers that is to be stored and shown: not too deep, and nothing a database refuses.

Readers of JSON recurse, and give up (``RecursionError``) somewhere below a thousand levels. What
is kept stays far from that, so that one value cannot break every page that lists it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

from .codec import from_json
from .errors import InvalidArguments, LimitExceeded, MalformedFrame

MAX_JSON_DEPTH = 64
MAX_SHOWN_DEPTH = 500
"""What workers send may be deeper than what is kept; this far it can be written again."""

Container = dict[str, Any] | list[Any]


def check_json(value: Any) -> None:
    r"""Raise unless ``value``, as it was decoded, can be kept.

    Raise LimitExceeded when lists and objects are nested in more than ``MAX_JSON_DEPTH`` levels,
    and InvalidArguments for the character ``\u0000``, which PostgreSQL does not store.
    """
    depth = 0
    containers = _containers((value,))
    while containers:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise LimitExceeded(f"JSON must not be nested in more than {MAX_JSON_DEPTH} levels.")
        containers = _containers(chain.from_iterable(map(_inside, containers)))


def shown_json(text: str | bytes) -> Any:
    """Return the value in JSON of a worker, to be written again; nothing means None.

    Raise MalformedFrame for what cannot be read, such as 1e999, or is nested too deeply.
    """
    value = from_json(text)
    if depth_of(value) > MAX_SHOWN_DEPTH:
        raise MalformedFrame("The JSON is nested too deeply to be shown.")
    return value


def depth_of(value: Any) -> int:
    """Return in how many levels lists and objects are nested; 0 for any other value."""
    depth = 0
    containers = [value] if isinstance(value, (dict, list)) else []
    while containers:
        depth += 1
        inside = chain.from_iterable(
            container.values() if isinstance(container, dict) else container
            for container in containers
        )
        containers = [item for item in inside if isinstance(item, (dict, list))]
    return depth


def json_error(text: str | bytes) -> str:
    """Say where ``text`` is broken, in lines and columns, as an editor counts them; "" if not."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _containers(values: Iterable[Any]) -> list[Container]:
    """Return the lists and objects among ``values``; look into the texts."""
    containers: list[Container] = []
    for value in values:
        if isinstance(value, (dict, list)):
            containers.append(value)
        elif isinstance(value, str) and "\0" in value:
            raise InvalidArguments("JSON must not contain the character \\u0000.")
    return containers


def _inside(container: Container) -> Iterable[Any]:
    if isinstance(container, dict):
        return chain(container, container.values())
    return container
