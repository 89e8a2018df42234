"""A worker program of ``tests/sdk_workers``, steered from a test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .environments import Sdk
from .processes import READY_S, Process, environment

ANSWER_S = 25.0


class CallFailed(Exception):
    """A command of a worker program failed there; ``code`` is what its SDK reported."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Worker(Process):
    """A running worker program (see steering.py for its commands and events)."""

    def __init__(self, sdk: Sdk, *, url: str, name: str, home: Path, **variables: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        # Old SDKs send telemetry where these variables point, not to the worker's address.
        env = environment(
            III_URL=url, III_BRIDGE_URL=url, HOME=str(home), LANG="C.UTF-8", **variables
        )
        super().__init__(name, [*sdk.command(), url, name], env=env, cwd=home)
        self.sdk = sdk
        self._numbers = itertools.count(1)

    def wait_ready(self) -> None:
        """Return once the program takes commands."""
        self.wait_for(_has(event="READY"), timeout_s=READY_S, what="READY")

    def start(self, what: str, **arguments: Any) -> int:
        """Send a command and return its number for ``outcome``."""
        number = next(self._numbers)
        self.say(json.dumps({"id": number, "do": what, **arguments}))
        return number

    def outcome(self, number: int, *, timeout_s: float = ANSWER_S) -> Any:
        """Wait for a command's value; raise CallFailed if it failed."""
        line = self.wait_for(_has(reply=number), timeout_s=timeout_s, what=f"reply {number}")
        answer = json.loads(line)
        if "error" in answer:
            raise CallFailed(answer["error"]["code"], answer["error"]["message"])
        return answer["value"]

    def do(self, what: str, **arguments: Any) -> Any:
        """Send a command and wait for its value; raise CallFailed if it failed."""
        return self.outcome(self.start(what, **arguments))

    def call(self, function_id: str, data: Any = None) -> Any:
        """Call a function through the worker's SDK."""
        return self.do("call", function_id=function_id, data=data)

    def event(self, kind: str, *, timeout_s: float = ANSWER_S, **facts: Any) -> dict[str, Any]:
        """Wait for an event with these facts and take it."""
        wanted = _has(event=kind, **facts)
        found: dict[str, Any] = json.loads(self.wait_for(wanted, timeout_s=timeout_s, what=kind))
        return found

    def events(self, kind: str, **facts: Any) -> list[dict[str, Any]]:
        """Return the events so far with these facts, without taking them."""
        return [json.loads(line) for line in self.heard(_has(event=kind, **facts))]


def _has(**facts: Any) -> Callable[[str], bool]:
    """Return a test for lines that are JSON objects with these keys and values."""

    def test(line: str) -> bool:
        if not line.startswith("{"):
            return False
        message = json.loads(line)
        return all(key in message and message[key] == value for key, value in facts.items())

    return test
