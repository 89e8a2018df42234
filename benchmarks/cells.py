"""What is measured: requests that all get the same greeting, by different ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BODY = b'{"name":"Ada"}'

Door = Literal["site", "http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One way to a greeting; ``aim`` is how many times ``a`` it should reach on uvicorn."""

    key: str
    label: str
    door: Door
    request: bytes
    aim: float | None = None
    needs_worker: bool = False


def _get(path: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" % path


def _post(path: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" % path
    return head + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


CELLS = (
    Cell(key="0", label="ASGI floor (no Django)", door="site", request=_get(b"/floor")),
    Cell(key="a", label="bare async Django view", door="site", request=_get(b"/bare/")),
    Cell(
        key="b",
        label="trigger through the view",
        door="site",
        request=_post(b"/django/http/local"),
    ),
    Cell(
        key="c",
        label="dispatcher -> Node worker",
        door="http",
        request=_post(b"/node"),
        aim=10,
        needs_worker=True,
    ),
    Cell(
        key="d",
        label="dispatcher -> async function",
        door="http",
        request=_post(b"/local"),
        aim=20,
    ),
)
