"""Lets a test steer a worker program over stdin and stdout, one JSON object a line.

Commands are ``{"id": int, "do": str, ...}``; each is answered by ``{"reply": id, "value": any}``
or ``{"reply": id, "error": {"code": str, "message": str}}``, in the order they finish. The
program tells what happens to it in ``{"event": str, ...}`` lines, the first one ``READY``. It
ends when stdin does.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from memory_stream import MemoryStream

DESCRIBED = ("method", "path", "path_params", "query_params", "body", "trigger", "id", "q")

Handler = Callable[[Any], Any]
Undo = Callable[[], None]


class Client(Protocol):
    """What every SDK version can do, under one set of names; blocking, for any thread."""

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function; the result withdraws it."""

    def register_trigger(self, trigger_type: str, function_id: str, config: Any) -> Undo:
        """Bind a function; the result removes the trigger."""

    def register_trigger_type(
        self, type_id: str, description: str, *, added: Handler, removed: Handler
    ) -> Undo:
        """Offer a trigger type; ``added`` and ``removed`` get its triggers as dicts."""

    def call(self, function_id: str, data: Any, *, timeout_s: float) -> Any:
        """Run a function anywhere and return its result."""

    def call_void(self, function_id: str, data: Any) -> None:
        """Run a function anywhere and forget it."""

    def create_stream(self, stream_name: str, store: Any) -> None:
        """Keep the items of a stream."""

    def enqueue(self, function_id: str, data: Any, queue: str) -> Any:
        """Queue a call and return its receipt; not every SDK can."""

    def list_functions(self) -> list[str]:
        """Return the ids of the functions the engine knows."""

    def list_workers(self) -> list[str | None]:
        """Return the names of the workers the engine knows."""


def greet(data: Any) -> Any:
    """Greet, exactly as the function of the spec does."""
    return {"message": f"Hello, {data['name']}!"}


class Steering:
    """The commands of one worker program."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.undo: dict[str, Undo] = {}
        self.triggers: dict[str, dict[str, Any]] = {}
        self.released = threading.Event()
        self.writing = threading.Lock()

    def run(self) -> None:
        """Serve commands until stdin ends; each on a thread, so that a call may wait."""
        self.tell({"event": "READY"})
        for line in sys.stdin:
            command = json.loads(line)
            threading.Thread(target=self.answer, args=(command,), daemon=True).start()
        os._exit(0)

    def tell(self, message: dict[str, Any]) -> None:
        """Write one line to the test."""
        with self.writing:
            # Channels of a request arrive as objects of the SDK.
            print(json.dumps(message, default=repr), flush=True)

    def answer(self, command: dict[str, Any]) -> None:
        """Run one command and report its outcome, whatever it is."""
        number = command.pop("id")
        try:
            value = getattr(self, f"do_{command.pop('do')}")(**command)
        except Exception as error:  # noqa: BLE001 - the test asserts on it
            self.tell({"reply": number, "error": _described(error)})
        else:
            self.tell({"reply": number, "value": value})

    def do_register_function(self, function_id: str, behaviour: str) -> None:
        """Offer a function with one of the behaviours below."""
        self.undo[function_id] = self.client.register_function(
            function_id, self._handler(function_id, behaviour)
        )

    def do_register_trigger(
        self, key: str, trigger_type: str, function_id: str, config: Any
    ) -> None:
        """Bind a function; ``key`` is the test's name for the trigger."""
        self.undo[key] = self.client.register_trigger(trigger_type, function_id, config)

    def do_register_trigger_type(self, type_id: str, description: str) -> None:
        """Offer a trigger type whose triggers are told to the test and kept for ``fire``."""
        self.undo[type_id] = self.client.register_trigger_type(
            type_id, description, added=self._added, removed=self._removed
        )

    def do_undo(self, key: str) -> None:
        """Withdraw what was registered under this key."""
        self.undo.pop(key)()

    def do_call(self, function_id: str, data: Any = None, timeout_s: float = 20) -> Any:
        """Call a function and return its result."""
        return self.client.call(function_id, data, timeout_s=timeout_s)

    def do_call_void(self, function_id: str, data: Any = None) -> None:
        """Call a function and do not wait for it."""
        self.client.call_void(function_id, data)

    def do_enqueue(self, function_id: str, data: Any, queue: str) -> Any:
        """Queue a call of a function and return the receipt."""
        return self.client.enqueue(function_id, data, queue)

    def do_create_stream(self, stream_name: str) -> None:
        """Keep the items of a stream in memory."""
        self.client.create_stream(stream_name, MemoryStream())

    def do_list_functions(self) -> list[str]:
        """List the functions the engine knows; by then it has seen all frames before."""
        return self.client.list_functions()

    def do_list_workers(self) -> list[str | None]:
        """List the workers the engine knows."""
        return self.client.list_workers()

    def do_fire(self, payload: Any) -> list[Any]:
        """Fire every trigger of the types this worker provides: call its function."""
        targets = [trigger["function_id"] for trigger in self.triggers.values()]
        return [self.client.call(target, payload, timeout_s=20) for target in targets]

    def do_release(self) -> None:
        """Let the functions that wait go on."""
        self.released.set()

    def _added(self, trigger: dict[str, Any]) -> None:
        self.triggers[trigger["id"]] = trigger
        self.tell({"event": "trigger_added", **trigger})

    def _removed(self, trigger: dict[str, Any]) -> None:
        self.triggers.pop(trigger["id"], None)
        self.tell({"event": "trigger_removed", "id": trigger["id"]})

    def _handler(self, function_id: str, behaviour: str) -> Handler:
        """Return a function that behaves as asked for."""

        def note(data: Any) -> None:
            self.tell({"event": "noted", "function_id": function_id, "input": data})

        def wait(data: Any) -> Any:
            self.tell({"event": "started", "function_id": function_id})
            self.released.wait()
            return {"waited": True}

        def fail(data: Any) -> Any:
            raise RuntimeError("no greeting today")

        def respond(data: Any) -> Any:
            headers = {"x-greeting": "yes"}
            return {"status_code": 201, "headers": headers, "body": {"made": data["body"]}}

        def relay(data: Any) -> Any:
            return self.client.call(data["function_id"], data["data"], timeout_s=20)

        def describe(data: Any) -> Any:
            return {key: data.get(key) for key in DESCRIBED}

        known = {f.__name__: f for f in (greet, note, wait, fail, respond, relay, describe)}
        return known[behaviour]


def _described(error: Exception) -> dict[str, str]:
    """Return code and message of a failed call, however this SDK version reports them."""
    text = str(error)
    if isinstance(error, TimeoutError):
        return {"code": "TIMEOUT", "message": text}
    if text.startswith("{"):
        body = ast.literal_eval(text)
        return {"code": body["code"], "message": body["message"]}
    code = getattr(error, "code", type(error).__name__)
    return {"code": code, "message": getattr(error, "message", text)}
