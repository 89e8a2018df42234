"""Frames as no SDK sends them, made from frames that SDKs do send.

Everything comes from one seed: the same seed makes the same frames.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.environments import REPOSITORY

from .values import Values

GOLDEN = REPOSITORY / "tests" / "protocol" / "frames"
TELEMETRY = (b"OTLP", b"MTRC", b"LOGS", b"OTL", b"otlp")
TYPES = (
    "invokefunction",
    "invocationresult",
    "registerfunction",
    "unregisterfunction",
    "registertrigger",
    "unregistertrigger",
    "registertriggertype",
    "unregistertriggertype",
    "triggerregistrationresult",
    "registerservice",
    "reattach",
    "ping",
    "pong",
    "workerregistered",
    "registrationrejected",
    "error",
    "unheard-of",
)
TRIGGER_TYPES = (
    "http",
    "cron",
    "queue",
    "subscribe",
    "durable:subscriber",
    "state",
    "stream",
    "stream:join",
    "stream:leave",
    "configuration",
    "log",
    "engine::functions-available",
    "engine::workers-available",
    "fuzz.1",
)
INPUTS = (
    "id",
    "scope",
    "key",
    "value",
    "data",
    "ops",
    "path",
    "topic",
    "queue",
    "function_id",
    "trigger_type",
    "config",
    "metadata",
    "stream_name",
    "group_id",
    "item_id",
    "namespace",
    "name",
    "pid",
    "runtime",
    "version",
    "isolation",
    "telemetry",
    "limit",
    "offset",
    "filter",
    "message",
    "level",
    "worker_id",
    "include_internal",
    "buffer_size",
    "cursor",
    "schema",
    "type",
)
FIELDS = (
    "id",
    "function_id",
    "trigger_type",
    "data",
    "config",
    "invocation_id",
    "result",
    "error",
    "action",
    "namespace",
    "metadata",
    "name",
    "previous_worker_id",
    "reattach_token",
    "invocation",
    "traceparent",
    "baggage",
)
CONFIGS = ("api_path", "http_method", "schedule", "expression", "topic", "queue", "scope", "key")
SPREAD = 100_000
"""Ids of this many functions: far more than one worker may offer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a WebSocket."""

    payload: bytes
    is_text: bool = True


def golden_frames() -> list[str]:
    """Return every recorded frame."""
    return [
        line for path in sorted(GOLDEN.glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


class Frames:
    """Draws frames; ``functions`` are those of the engine itself, to be called with anything."""

    def __init__(self, chance: random.Random, *, functions: Sequence[str]) -> None:
        self._chance = chance
        self._values = Values(chance)
        self._golden = golden_frames()
        self._functions = tuple(functions)
        self._kinds: tuple[Callable[[], Frame], ...] = (
            self._recorded,
            self._changed,
            self._changed,
            self._broken,
            self._broken,
            self._made_up,
            self._made_up,
            self._built_in,
            self._built_in,
            self._registration,
            self._result,
            self._binary,
        )

    def __iter__(self) -> Iterator[Frame]:
        while True:
            yield self._chance.choice(self._kinds)()

    def _recorded(self) -> Frame:
        return _text(self._chance.choice(self._golden))

    def _changed(self) -> Frame:
        """Change keys of a recorded frame: other values, missing, twice."""
        pairs = [
            (json.dumps(key), json.dumps(value))
            for key, value in json.loads(self._chance.choice(self._golden)).items()
        ]
        for _ in range(self._chance.randint(1, 3)):
            at = self._chance.randrange(len(pairs)) if pairs else 0
            way = self._chance.randrange(4)
            if way == 0 and pairs:
                pairs[at] = (pairs[at][0], self._values.any())
            elif way == 1 and pairs:
                del pairs[at]
            elif way == 2 and pairs:
                pairs.append((pairs[at][0], self._values.any()))
            else:
                pairs.append((self._values.name(), self._values.any()))
        return _text("{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}")

    def _broken(self) -> Frame:
        """Damage the text of a recorded frame."""
        text = self._chance.choice(self._golden)
        start, end = sorted(self._chance.randrange(len(text) + 1) for _ in range(2))
        way = self._chance.randrange(5)
        if way == 0:
            return _text(text[:end])
        if way == 1:
            return _text(text[:start] + text[end:])
        if way == 2:
            return _text(text[:start] + self._values.any() + text[end:])
        if way == 3:
            return _text(text + text[start:])
        return _text(text[:start] + chr(self._chance.randrange(0xD800)) + text[start:])

    def _made_up(self) -> Frame:
        type_ = self._chance.choice(TYPES)
        body = self._values.object_of(FIELDS)
        return _text(f'{{"type":"{type_}",{body[1:]}' if body != "{}" else f'{{"type":"{type_}"}}')

    def _built_in(self) -> Frame:
        function_id = self._chance.choice(self._functions)
        likely = self._chance.random() < 0.8
        data = self._values.object_of(INPUTS) if likely else self._values.any()
        action = self._chance.choice(("", "", "", ',"action":{"type":"void"}'))
        return _text(
            f'{{"type":"invokefunction","function_id":{json.dumps(function_id)},'
            f'"invocation_id":{self._values.name()},"data":{data}{action}}}'
        )

    def _registration(self) -> Frame:
        """Register in masses: functions, triggers of every type, types."""
        name = f'"fuzz.{self._chance.randrange(SPREAD)}"'
        way = self._chance.randrange(3)
        if way == 0:
            return _text(f'{{"type":"registerfunction","id":{name}}}')
        if way == 1:
            # Rows of types outlive their providers, so these have few ids.
            few = self._values.name()
            return _text(f'{{"type":"registertriggertype","id":{few},"description":"fuzz"}}')
        type_ = self._chance.choice(TRIGGER_TYPES)
        config = self._values.object_of(CONFIGS)
        return _text(
            f'{{"type":"registertrigger","id":{name},"trigger_type":"{type_}",'
            f'"function_id":{self._values.name()},"config":{config}}}'
        )

    def _result(self) -> Frame:
        outcome = self._chance.choice(("result", "error"))
        return _text(
            f'{{"type":"invocationresult","invocation_id":{self._values.name()},'
            f'"{outcome}":{self._values.any()}}}'
        )

    def _binary(self) -> Frame:
        noise = self._chance.randbytes(self._chance.randint(0, 200))
        way = self._chance.randrange(3)
        if way == 0:
            return Frame(self._chance.choice(TELEMETRY) + noise, is_text=False)
        if way == 1:
            return Frame(noise, is_text=False)
        return Frame(self._chance.choice(self._golden).encode(), is_text=False)


def _text(text: str) -> Frame:
    return Frame(text.encode(errors="replace"))
