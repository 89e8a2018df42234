"""A worker that only calls: functions of other workers, one after the other."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

ANSWER_S = 30.0
AT_ONCE = 200


class Caller:
    """One connection to an engine: ``async with Caller(url) as caller``."""

    def __init__(self, url: str) -> None:
        self._connecting = connect(url, compression=None, proxy=None, open_timeout=ANSWER_S)
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await self._connecting
        await self._receive()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._socket.close()

    async def latency_s(self, function_id: str) -> float:
        """Call a function and return how long that took; raise if it failed."""
        started = perf_counter()
        await self._ask(function_id)
        answer = await self._receive()
        took = perf_counter() - started
        if answer.get("result") != {"ok": True}:
            raise RuntimeError(f"{function_id} answered {answer}")
        return took

    async def call_all(self, function_ids: Sequence[str]) -> int:
        """Call each function once, many at a time; return how many failed."""
        failed = 0
        for start in range(0, len(function_ids), AT_ONCE):
            some = function_ids[start : start + AT_ONCE]
            for function_id in some:
                await self._ask(function_id)
            answers = [await self._receive() for _ in some]
            failed += sum("error" in answer for answer in answers)
        return failed

    async def _ask(self, function_id: str) -> None:
        call = {"type": "invokefunction", "function_id": function_id, "data": {}}
        await self._socket.send(json.dumps({**call, "invocation_id": str(next(self._numbers))}))

    async def _receive(self) -> Any:
        async with asyncio.timeout(ANSWER_S):
            return json.loads(await self._socket.recv())
