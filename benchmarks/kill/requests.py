"""The mixed HTTP load: requests at a steady rate on every door, each of them accounted for."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpcore

from benchmarks.notes import note
from benchmarks.ports import HOST
from benchmarks.soak.orders import ACKNOWLEDGED

from .words import ITEMS

ANSWER_S = 45.0
FIRST_ENQUEUED = 10_000_000
"""Numbers of the queue from here on came over HTTP."""
LONGEST_PAUSE_S = 0.06
"""How long a function takes at most."""
REFUSED_PAUSE_S = 0.25

FUNCTIONS = ("kill.site", "kill.node", "kill.python", "kill.single")
ROUTES = (*FUNCTIONS, "kill.enqueue", "kill.publish", "kill.set")
TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that was made, and what became of it; times are those of the monotonic clock."""

    n: int
    door: str
    route: str
    is_fresh: bool
    """Whether it had a connection of its own."""
    began: float
    ended: float
    status: int
    """0 if there was no answer."""
    detail: str

    @property
    def is_answered(self) -> bool:
        """Whether it was answered as it should be."""
        return self.status == 200 and not self.detail


@dataclass(slots=True)
class HttpLoad:
    """A lane of requests for each door and route; every other one takes a new connection."""

    doors: Mapping[str, int]
    folder: Path
    pause_s: float
    """Between two requests of a lane."""
    made: list[Request] = field(default_factory=list)
    is_over: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_ENQUEUED))

    async def run(self) -> None:
        """Make requests until it is over."""
        async with asyncio.TaskGroup() as lanes:
            for place, (door, route) in enumerate(itertools.product(self.doors, ROUTES)):
                offset_s = self.pause_s * place / (len(self.doors) * len(ROUTES))
                lanes.create_task(self._lane(door, route, offset_s))

    async def _lane(self, door: str, route: str, offset_s: float) -> None:
        await asyncio.sleep(offset_s)
        async with httpcore.AsyncConnectionPool(max_connections=2) as pool:
            for is_fresh in itertools.cycle((False, True)):
                if self.is_over:
                    return
                began = time.monotonic()
                request = await self._request(pool, door, route, is_fresh=is_fresh)
                self.made.append(request)
                if route == "kill.enqueue" and request.is_answered:
                    note(self.folder, ACKNOWLEDGED, request.n)
                pause_s = self.pause_s - (time.monotonic() - began)
                await asyncio.sleep(max(pause_s, 0.0 if request.status else REFUSED_PAUSE_S))

    async def _request(
        self, pool: httpcore.AsyncConnectionPool, door: str, route: str, *, is_fresh: bool
    ) -> Request:
        n = next(self._numbers)
        body = {"n": n, "pause_s": n % 7 / 6 * LONGEST_PAUSE_S, "item_id": str(n % ITEMS)}
        began = time.monotonic()
        status, detail = await self._outcome(pool, door, route, body, is_fresh=is_fresh)
        return Request(
            n=n,
            door=door,
            route=route,
            is_fresh=is_fresh,
            began=began,
            ended=time.monotonic(),
            status=status,
            detail=detail,
        )

    async def _outcome(
        self,
        pool: httpcore.AsyncConnectionPool,
        door: str,
        route: str,
        body: dict[str, object],
        *,
        is_fresh: bool,
    ) -> tuple[int, str]:
        """Return the status, 0 without an answer, and what is wrong; "" is nothing."""
        url = f"http://{HOST}:{self.doors[door]}/iii/http/{route.replace('.', '/')}"
        headers = [("content-type", "application/json"), ("host", HOST)]
        headers += [("connection", "close")] if is_fresh else []
        content = json.dumps(body).encode()
        extensions = {"timeout": TIMEOUTS}
        try:
            response = await pool.request(
                "POST", url, headers=headers, content=content, extensions=extensions
            )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            return 0, type(error).__name__
        answer = response.content.decode()
        if response.status == 200 and json.loads(answer) == {"n": body["n"]}:
            return 200, ""
        return response.status, answer[:300]
