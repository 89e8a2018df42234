"""The commands of the SDK matrix: all of the steering, and what only some versions have.

``offers`` looks at the SDK itself, never at what happens when it is used.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, Protocol

from steering import Client, Handler, Steering

PIECE = bytes(range(256)) * 512  # 128 KiB: more than one frame


class MatrixClient(Client, Protocol):
    """What the programs of the matrix add; what a version lacks raises NotImplementedError."""

    iii: Any

    def create_channel(self) -> Any:
        """Open a channel."""

    def register_http_function(self, function_id: str, url: str) -> None:
        """Offer a function that is an HTTP request of the engine."""

    def list_triggers(self) -> list[list[str]]:
        """Return type and target of the triggers the engine knows."""

    def list_trigger_types(self) -> list[str]:
        """Return the ids of the trigger types the engine knows."""

    def watch_functions(self, heard: Callable[[list[str]], None]) -> None:
        """Have ``heard`` called with the ids of all functions whenever they change."""


def find(*places: str) -> Any:
    """Return the first of ``module:name`` that this version has, or None."""
    for place in places:
        module, name = place.split(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


class MatrixSteering(Steering):
    """The commands."""

    client: MatrixClient

    def do_offers(self) -> dict[str, bool]:
        """Tell which parts this version has."""
        iii = self.client.iii
        channel = hasattr(iii, "create_channel") or find("iii.helpers:create_channel")
        return {
            "channels": bool(channel),
            "external": bool(find("iii.iii_types:HttpInvocationConfig")),
            "create_stream": hasattr(iii, "create_stream")
            or bool(find("iii.helpers:create_stream")),
            "enqueue": bool(find("iii:TriggerAction")),
            "unregister_function": bool(find("iii.iii_types:UnregisterFunctionMessage")),
            "list_triggers": hasattr(iii, "list_triggers"),
            "list_trigger_types": hasattr(iii, "list_trigger_types"),
            "watch_functions": hasattr(iii, "on_functions_available"),
        }

    def do_stream_to(self, function_id: str) -> Any:
        """Open a channel, hand its reader to a function, write, and return what it answers."""
        channel = self.client.create_channel()
        ref = channel.reader_ref
        ref = ref.model_dump() if hasattr(ref, "model_dump") else ref
        asyncio.run(_write(channel.writer))
        return self.client.call(function_id, {"reader": ref}, timeout_s=20)

    def do_register_http_function(self, function_id: str, url: str) -> None:
        """Offer an HTTP-invoked function."""
        self.client.register_http_function(function_id, url)

    def do_list_triggers(self) -> list[list[str]]:
        """List triggers with the SDK's own method."""
        return self.client.list_triggers()

    def do_list_trigger_types(self) -> list[str]:
        """List trigger types with the SDK's own method."""
        return self.client.list_trigger_types()

    def do_watch_functions(self) -> None:
        """Tell the ids of all functions whenever they change."""
        self.client.watch_functions(lambda ids: self.tell({"event": "functions", "ids": ids}))

    def _handler(self, function_id: str, behaviour: str) -> Handler:
        if behaviour == "collect":
            return _collect
        return super()._handler(function_id, behaviour)


async def _write(writer: Any) -> None:
    await writer.send_message_async("begin")
    await writer.write(PIECE)
    await writer.close_async()


def _collect(data: Any) -> dict[str, Any]:
    """Read a channel to its end: one that was passed on, or the body of a request."""
    return asyncio.run(_read(data.get("reader") or data["request_body"]))


async def _read(reader: Any) -> dict[str, Any]:
    texts: list[str] = []
    reader.on_message(texts.append)
    content = await reader.read_all()
    return {"size": len(content), "sum": sum(content), "texts": texts}
