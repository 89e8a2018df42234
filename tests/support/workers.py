"""Workers without a socket: they speak frames to an engine in this process."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from iii_triggers.engine.access.sessions import OPEN, Session
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.codec import decode
from iii_triggers.protocol.errors import ChannelSendFailed

DEADLINE_S = 5.0

Frame = dict[str, Any]


class FakeTransport:
    """Keeps the frames the engine sends, and how it closed the connection."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.close_code: int | None = None
        self.is_broken = False
        self._arrived = asyncio.Event()

    def send_text(self, text: str) -> None:
        """Take a frame; raise ChannelSendFailed after the end."""
        if self.is_broken or self.close_code is not None:
            raise ChannelSendFailed()
        self.frames.append(json.loads(text))
        self._arrived.set()

    def close(self, code: int) -> None:
        """Note the close code."""
        self.close_code = code

    def of_type(self, type_: str) -> list[Frame]:
        """Return the frames of a type."""
        return [frame for frame in self.frames if frame["type"] == type_]

    async def receive(self, type_: str, number: int = 1) -> list[Frame]:
        """Return the frames of a type once there are ``number``; fail at the deadline."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.of_type(type_)) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.of_type(type_)


class FakeWorker:
    """A connected worker."""

    def __init__(self, engine: Engine, *, session: Session = OPEN) -> None:
        self.engine = engine
        self.transport = FakeTransport()
        self.connection = engine.connect(self.transport, ip="127.0.0.1", session=session)

    @property
    def id(self) -> str:
        """The id the engine gave."""
        return self.connection.worker_id

    async def send(self, type_: str, **fields: Any) -> None:
        """Send a frame and let the engine act on it, as far as it keeps the order of frames."""
        message = decode(json.dumps({"type": type_, **fields}))
        waits = self.engine.frames.handle(self.connection, message)
        if waits is not None:
            await waits

    async def introduce(self, **facts: Any) -> None:
        """Register the worker, as every SDK does on connecting."""
        await self.call("engine::workers::register", {"name": "w", "pid": 1, **facts})

    async def offer(self, *function_ids: str) -> None:
        """Register functions."""
        for function_id in function_ids:
            await self.send("registerfunction", id=function_id)

    async def call(self, function_id: str, data: Any = None, **fields: Any) -> Frame:
        """Call a function, wait for its result and return the frame."""
        before = len(self.results)
        await self.start_call(function_id, data, **{"invocation_id": f"call-{before}", **fields})
        return (await self.transport.receive("invocationresult", before + 1))[before]

    async def start_call(self, function_id: str, data: Any = None, **fields: Any) -> None:
        """Call a function and do not wait."""
        await self.send("invokefunction", function_id=function_id, data=data, **fields)

    async def answer(self, invocation: Frame, **outcome: Any) -> None:
        """Answer a call: ``result=...`` or ``error=...``."""
        await self.send("invocationresult", invocation_id=invocation["invocation_id"], **outcome)

    async def bind(
        self,
        trigger_id: str,
        trigger_type: str,
        *,
        function_id: str = "f",
        config: Any = None,
        **fields: Any,
    ) -> None:
        """Register a trigger."""
        await self.send(
            "registertrigger",
            id=trigger_id,
            trigger_type=trigger_type,
            function_id=function_id,
            config=config,
            **fields,
        )

    async def leave(self) -> None:
        """Close the socket."""
        self.transport.is_broken = True
        await self.engine.disconnect(self.connection)

    @property
    def results(self) -> list[Frame]:
        """The results the engine sent."""
        return self.transport.of_type("invocationresult")

    @property
    def invocations(self) -> list[Frame]:
        """The calls the engine sent."""
        return self.transport.of_type("invokefunction")


def provided(engine: Engine) -> list[str]:
    """Return the ids of the trigger types that workers provide."""
    return sorted(type_.id for type_ in engine.triggers.types() if type_.worker is not None)
