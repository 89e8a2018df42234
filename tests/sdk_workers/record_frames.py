"""Record the frames that published SDKs really send into ``tests/protocol/frames/<sdk>.jsonl``.

Usage: ``python -m tests.sdk_workers.record_frames [sdk ...]`` (all of them without arguments).

Each SDK runs its worker program against a stub engine: it connects, registers, is called, calls,
unregisters, loses its connection and comes back. A line is one frame, byte for byte except for
what differs from run to run or tells about the machine: ids, trace ids, process ids, the
operating system and stack traces.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from msgspec import Raw

from iii_triggers.protocol.messages import (
    InvocationResult,
    InvokeFunction,
    RegisterTrigger,
    TriggerRegistrationResult,
    UnregisterTrigger,
)
from tests.e2e.environments import REPOSITORY, SDKS, Sdk
from tests.e2e.workers import Worker
from tests.sdk_workers.stub_engine import StubEngine

FRAMES = REPOSITORY / "tests" / "protocol" / "frames"
TYPE = "golden.type"
REGISTER_CALLS = ("engine.workers.register", "engine::workers::register")


def main(names: Iterable[str]) -> None:
    """Record the named SDKs, or all."""
    wanted = set(names)
    for sdk in SDKS:
        if not wanted or sdk.name in wanted:
            lines = tidied(record(sdk))
            (FRAMES / f"{sdk.name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
            print(f"{sdk.name}: {len(lines)} frames")


def record(sdk: Sdk) -> list[str]:
    """Run the worker program of ``sdk`` through its paces and return what it sent."""
    with tempfile.TemporaryDirectory() as folder, StubEngine().running() as engine:
        worker = Worker(sdk, url=engine.url, name="golden", home=Path(folder) / "golden")
        try:
            worker.wait_ready()
            engine.wait_for(_is_register_call)
            _register(worker)
            _be_called(engine)
            _call(worker)
            _come_back(engine)
            _unregister(worker, engine)
        finally:
            worker.kill()
        return list(engine.frames)


def _register(worker: Worker) -> None:
    worker.do("register_trigger_type", type_id=TYPE, description="A golden type")
    for behaviour in ("greet", "fail", "note"):
        worker.do("register_function", function_id=f"golden.{behaviour}", behaviour=behaviour)
    config = {"api_path": "golden/:name", "http_method": "POST"}
    route = {"key": "route", "trigger_type": "http", "function_id": "golden.greet"}
    worker.do("register_trigger", **route, config=config)
    worker.do("list_functions")


def _be_called(engine: StubEngine) -> None:
    """Let the worker answer: a binding of its type, a result, an error, a result of nothing."""
    engine.send(
        RegisterTrigger(id="binding", trigger_type=TYPE, function_id="other.function", config={})
    )
    engine.wait_for(lambda message: isinstance(message, TriggerRegistrationResult))
    for behaviour in ("greet", "fail", "note"):
        name = f"golden.{behaviour}"
        data = Raw(b'{"name":"Ada"}')
        engine.send(InvokeFunction(invocation_id=name, function_id=name, data=data))
        engine.wait_for(partial(_is_result_of, name))


def _call(worker: Worker) -> None:
    worker.do("call", function_id="other.function", data={"x": 1})
    worker.do("call", function_id="other.nothing")
    worker.do("call_void", function_id="other.void", data={"x": 2})
    worker.do("list_functions")


def _come_back(engine: StubEngine) -> None:
    before = len(engine.frames)
    engine.drop()
    engine.wait_for(_is_register_call, after=before)


def _unregister(worker: Worker, engine: StubEngine) -> None:
    worker.do("undo", key="route")
    engine.wait_for(lambda message: isinstance(message, UnregisterTrigger))
    if worker.sdk.unregisters_functions:
        worker.do("undo", key="golden.fail")
    worker.do("undo", key=TYPE)
    worker.do("list_functions")


def _is_result_of(invocation_id: str, message: object) -> bool:
    return isinstance(message, InvocationResult) and message.invocation_id == invocation_id


def _is_register_call(message: object) -> bool:
    return isinstance(message, InvokeFunction) and message.function_id in REGISTER_CALLS


def tidied(frames: Iterable[str]) -> list[str]:
    """Return the frames with what varies replaced, each value by the same one throughout."""
    text = "\n".join(frames)
    text = re.sub(r'("stacktrace": ?)"(?:[^"\\]|\\.)*"', r'\1"..."', text)
    text = re.sub(r'("pid": ?)\d+', r"\g<1>4242", text)
    text = re.sub(r'("os": ?)"[^"]*"', r'\1"Linux 6.1 (x86_64)"', text)
    text = _numbered(text, r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", "00-{0:032x}-{0:016x}-01")
    uuid = r"(?!1111|2222)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    return _numbered(text, uuid, "00000000-0000-4000-8000-{0:012x}").split("\n")


def _numbered(text: str, pattern: str, template: str) -> str:
    """Replace each distinct match by the template with its number, from 1 on."""
    seen: dict[str, str] = {}

    def replacement(match: re.Match[str]) -> str:
        return seen.setdefault(match.group(), template.format(len(seen) + 1))

    return re.sub(pattern, replacement, text)


if __name__ == "__main__":
    main(sys.argv[1:])
