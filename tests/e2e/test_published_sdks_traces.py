"""One trace through the site, the engine and a published SDK, with its own spans."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .engines import Engine
from .environments import REPOSITORY, SDKS, SdkUnavailable
from .processes import Process, environment
from .test_published_sdks_outbound import ANSWER_S, Outside, outside, said

__all__ = ["outside"]

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

NEWEST = replace(next(one for one in SDKS if one.name == "python_0_25"), program="traced_python.py")
TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALL = (
    "from iii_triggers.models import Trigger;"
    "Trigger.objects.create(trigger_id='t', trigger_type='http', function_id='traced::work',"
    " source='admin', config={'api_path': 'work', 'http_method': 'POST'})"
)


@pytest.fixture
def engine(outside: Outside, tmp_path: Path) -> Iterator[Engine]:
    """An engine that makes spans, and passes on those of its workers."""
    collector = f"http://127.0.0.1:{outside.port}"
    engine = Engine(
        server="uvicorn",
        folder=tmp_path / "state",
        settings="tests.e2e.traced_settings",
        COLLECTOR=collector,
    )
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@pytest.fixture
def worker(engine: Engine, tmp_path: Path) -> Iterator[Process]:
    """A worker on the newest SDK, with OpenTelemetry as it comes."""
    env = environment(III_URL=engine.worker_url, HOME=str(tmp_path), LANG="C.UTF-8")
    try:
        command = [*NEWEST.command(), engine.worker_url, "traced"]
    except SdkUnavailable as error:
        pytest.skip(str(error))
    process = Process("traced", command, env=env, cwd=REPOSITORY)
    said(process, "ready")
    yield process
    process.kill()


def test_the_spans_of_the_engine_and_of_the_sdk_are_one_trace(
    engine: Engine, worker: Process, outside: Outside
) -> None:
    engine.manage("shell", "--no-imports", "-c", CALL)
    body = json.dumps({"n": 1})
    headers = {
        "content-type": "application/json",
        "traceparent": f"00-{TRACE_ID}-{CALLER}-01",
    }
    connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=ANSWER_S)
    connection.request("POST", "/work", body, headers)
    assert connection.getresponse().status == 200
    connection.close()
    theirs = _spans(json.loads(outside.wait("/v1/traces", TRACE_ID.encode())))
    request, invocation = _ours(outside, "POST /work"), _ours(outside, "traced::work")
    assert request["parentSpanId"] == CALLER
    assert invocation["parentSpanId"] == request["spanId"]
    assert {span["traceId"] for span in (request, invocation)} == {TRACE_ID}
    below = [span for span in theirs if span["traceId"] == TRACE_ID]
    assert invocation["spanId"] in {span["parentSpanId"] for span in below}


def _ours(outside: Outside, name: str) -> dict[str, str]:
    spans: list[dict[str, str]] = json.loads(outside.wait("/site", f'"{name}"'.encode()))
    return next(span for span in spans if span["name"] == name)


def _spans(sent: dict[str, Any]) -> list[dict[str, Any]]:
    scopes = [scope for of in sent["resourceSpans"] for scope in of["scopeSpans"]]
    return [span for scope in scopes for span in scope["spans"]]
