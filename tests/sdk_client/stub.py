"""A stub engine in this process: the protocol as its reference tells it, in plain dictionaries."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Frame = dict[str, Any]

DEADLINE_S = 10
FAST = {"reconnect_initial_s": 0.01, "reconnect_max_s": 0.05, "call_timeout_s": 5.0}


class Peer:
    """One connection of a worker: what it sent, and a way to send to it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.frames: list[Frame] = []

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def of_type(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]


class StubEngine:
    """Routes calls between its workers; functions named ``silent`` never answer.

    A trigger whose config has ``reject`` is refused with that text.
    """

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.functions: dict[str, Peer] = {}
        self.providers: dict[str, Peer] = {}
        self.callers: dict[str, Peer] = {}
        self.answers_pings = True
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> StubEngine:
        await self.start(port=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *, port: int) -> None:
        self._server = await serve(self._serve, "127.0.0.1", port, max_size=None)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"

    async def stop(self, *, code: int = 1012) -> None:
        self._server.close(code=code)
        await self._server.wait_closed()

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until ``condition`` holds and return what it said."""
        async with self._changed:
            await self._changed.wait_for(condition)
        return condition()

    async def peer(self, number: int = 0) -> Peer:
        """Wait for the connection of that number to have introduced itself."""

        def introduced() -> bool:
            return len(self.peers) > number and any(
                frame.get("function_id") == "engine::workers::register"
                for frame in self.peers[number].frames
            )

        await self.until(introduced)
        return self.peers[number]

    async def frame(self, peer: Peer, kind: str, *, count: int = 1) -> Frame:
        """Wait for the ``count``-th frame of a type."""
        await self.until(lambda: len(peer.of_type(kind)) >= count)
        return peer.of_type(kind)[count - 1]

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self.peers.append(peer)
        number = len(self.peers)
        await peer.send(
            type="workerregistered", worker_id=f"w{number}", reattach_token=f"t{number}"
        )
        async for text in socket:
            frame = json.loads(text)
            await self._handle(peer, frame)
            async with self._changed:
                peer.frames.append(frame)
                self._changed.notify_all()

    async def _handle(self, peer: Peer, frame: Frame) -> None:
        handler = getattr(self, f"_on_{frame['type']}", None)
        if handler is not None:
            await handler(peer, frame)

    async def _on_ping(self, peer: Peer, frame: Frame) -> None:
        if self.answers_pings:
            await peer.send(type="pong")

    async def _on_registerfunction(self, peer: Peer, frame: Frame) -> None:
        self.functions[frame["id"]] = peer

    async def _on_unregisterfunction(self, peer: Peer, frame: Frame) -> None:
        self.functions.pop(frame["id"], None)

    async def _on_registertriggertype(self, peer: Peer, frame: Frame) -> None:
        self.providers[frame["id"]] = peer

    async def _on_registertrigger(self, peer: Peer, frame: Frame) -> None:
        if isinstance(frame["config"], dict) and "reject" in frame["config"]:
            await self.reject(peer, frame, frame["config"]["reject"])
        elif frame["trigger_type"] in self.providers:
            await self.providers[frame["trigger_type"]].send(**frame)

    async def reject(self, peer: Peer, trigger: Frame, message: str) -> None:
        await peer.send(
            type="triggerregistrationresult",
            id=trigger["id"],
            trigger_type=trigger["trigger_type"],
            function_id=trigger["function_id"],
            error={"code": "trigger_registration_failed", "message": message},
        )

    async def _on_invokefunction(self, peer: Peer, frame: Frame) -> None:
        function_id, invocation_id = frame["function_id"], frame.get("invocation_id")
        if function_id == "silent" or function_id.startswith("engine::"):
            return
        if invocation_id and frame.get("action") is None:
            self.callers[invocation_id] = peer
        provider = self.functions.get(function_id)
        if provider is not None:
            await self.invoke(provider, function_id, frame["data"], invocation_id or "void")
        elif invocation_id:
            error = {"code": "function_not_found", "message": f"Function {function_id} not found"}
            await self.answer(invocation_id, function_id=function_id, error=error)

    async def invoke(self, peer: Peer, function_id: str, data: Any, invocation_id: str) -> None:
        await peer.send(
            type="invokefunction", invocation_id=invocation_id, function_id=function_id, data=data
        )

    async def _on_invocationresult(self, peer: Peer, frame: Frame) -> None:
        await self.answer(**{key: value for key, value in frame.items() if key != "type"})

    async def answer(self, invocation_id: str, **outcome: Any) -> None:
        caller = self.callers.pop(invocation_id, None)
        if caller is not None:
            await caller.send(type="invocationresult", invocation_id=invocation_id, **outcome)


def with_engine(test: Callable[[StubEngine], Awaitable[None]]) -> Callable[[], None]:
    """Make a plain test of a coroutine that gets a running stub engine."""

    def run() -> None:
        async def main() -> None:
            async with asyncio.timeout(DEADLINE_S), StubEngine() as engine:
                await test(engine)

        asyncio.run(main())

    run.__doc__ = test.__doc__
    return run


@contextmanager
def engine_on_a_thread():
    """Run a stub engine beside plain test code; yields it and a function to run coroutines."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(DEADLINE_S)

    engine = StubEngine()
    run(engine.start(port=0))
    try:
        yield engine, run
    finally:
        run(engine.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
