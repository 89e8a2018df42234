"""What is measured: requests that all get the same greeting, by different ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BODY = b'{"name":"Ada"}'
FLOOR = "0"
VIEW = "a"

Door = Literal["bare", "site", "http"]
"""``bare`` is a server of its own, without an engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """How many times the requests/s of another cell a cell should reach, on one server."""

    server: str
    baseline: str
    times: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One way to a greeting."""

    key: str
    label: str
    door: Door
    request: bytes
    aims: tuple[Aim, ...] = ()
    added_ms_aim: float | None = None
    """How much longer than the floor the median request may take on a single connection."""
    needs_worker: bool = False


def _get(path: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" % path


def _post(path: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" % path
    return head + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


CELLS = (
    Cell(key=FLOOR, label="bare ASGI app", door="bare", request=_get(b"/floor")),
    Cell(key=VIEW, label="bare async Django view", door="bare", request=_get(b"/bare/")),
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
        aims=(
            Aim(server="uvicorn", baseline=VIEW, times=15),
            Aim(server="uvicorn", baseline=FLOOR, times=0.2),
            Aim(server="daphne", baseline=VIEW, times=5),
        ),
        added_ms_aim=1.0,
        needs_worker=True,
    ),
    Cell(
        key="d",
        label="dispatcher -> async function",
        door="http",
        request=_post(b"/local"),
        aims=(Aim(server="uvicorn", baseline=FLOOR, times=0.4),),
        added_ms_aim=1.0,
    ),
)


def cells(keys: str) -> list[Cell]:
    """Return the cells with these keys."""
    return [cell for cell in CELLS if cell.key in keys]
