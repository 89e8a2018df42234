"""Functions behind URLs, and logs, with published SDKs on a running engine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .engines import Engine
from .environments import REPOSITORY, SDKS, Sdk, SdkUnavailable
from .processes import Process, environment

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

ANSWER_S = 30.0


def outbound(name: str, version: str, *requirements: str) -> Sdk:
    """Return a version of an SDK with the program of these tests."""
    sdk = next(one for one in SDKS if one.name == name)
    kind = "python.py" if sdk.registry == "pypi" else "node.mjs"
    return replace(
        sdk,
        name=f"outbound_{sdk.registry}_{version}",
        version=version,
        program=f"outbound_{kind}",
        requirements=requirements or sdk.requirements,
    )


HAVING = [
    outbound("python_0_9", "0.4.1", "iii-sdk[otel]==0.4.1", "websockets==15.0.1"),
    outbound("python_0_9", "0.9.0"),
    outbound("python_0_25", "0.25.0"),
    outbound("node_0_22", "0.9.0", "iii-sdk@0.9.0"),
    outbound("node_0_22", "0.22.1"),
]
NODE_0_2 = outbound("node_0_2", "0.2.1")


@dataclass(slots=True)
class Outside:
    """What a web server outside was asked."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, path: str, text: bytes) -> bytes:
        """Return the body of the first request to a path that holds a text."""

        def found() -> bytes | None:
            bodies = (body for at, _, body in self.requests if at == path and text in body)
            return next(bodies, None)

        with self.came:
            assert self.came.wait_for(found, ANSWER_S), [at for at, _, _ in self.requests]
        body = found()
        assert body is not None
        return body


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """A web server that is the function, and the collector of telemetry."""
    outside = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with outside.came:
                outside.requests.append((self.path, headers, body))
                outside.came.notify_all()
            content = b'{"answered": true}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    outside.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield outside
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def engine(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that may call the server, and passes telemetry on to it."""
    folder = tmp_path_factory.mktemp("outbound")
    engine = Engine(
        server="uvicorn", folder=folder / "state", settings="tests.e2e.outbound_settings"
    )
    engine._environment |= {
        "OUTBOUND_KEY": "s3cret",
        "COLLECTOR": f"http://127.0.0.1:{outside.port}",
    }
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


def start(sdk: Sdk, engine: Engine, outside: Outside, home: Path) -> Process:
    """Start the program of an SDK."""
    env = environment(
        III_URL=engine.worker_url, III_BRIDGE_URL=engine.worker_url, HOME=str(home), LANG="C.UTF-8"
    )
    url = f"http://127.0.0.1:{outside.port}/{sdk.name}"
    try:
        command = [*sdk.command(), engine.worker_url, sdk.name, url]
    except SdkUnavailable as error:
        pytest.skip(str(error))
    return Process(sdk.name, command, env=env, cwd=REPOSITORY)


def said(process: Process, key: str) -> Any:
    """Wait for a line of JSON with this key and return its value."""
    line = process.wait_for(lambda one: f'"{key}":' in one, timeout_s=ANSWER_S, what=key)
    return json.loads(line)


@pytest.mark.parametrize("sdk", HAVING, ids=lambda sdk: sdk.name)
def test_a_function_behind_a_url_is_called_and_signed(
    sdk: Sdk, engine: Engine, outside: Outside, tmp_path: Path
) -> None:
    process = start(sdk, engine, outside, tmp_path)
    try:
        assert said(process, "result")["result"] == {"answered": True}
    finally:
        process.kill()
    _, headers, body = next(one for one in outside.requests if one[0] == f"/{sdk.name}")
    sent = json.loads(body)
    assert sent.pop("_caller_worker_id")
    assert sent == {"n": 1}
    assert headers["x-iii-function-path"] == f"{sdk.name}::outside"
    assert headers["x-own"] == "yes"
    signed = headers["x-iii-timestamp"].encode() + b":" + base64.b64encode(body)
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["x-iii-signature"] == f"sha256={digest}"


def test_logs_over_open_telemetry_are_passed_on_and_fire(
    engine: Engine, outside: Outside, tmp_path: Path
) -> None:
    listener = start(NODE_0_2, engine, outside, tmp_path)
    newest: Process | None = None
    try:
        assert said(listener, "log") == {"log": "a log of its own", "level": "WARN"}
        newest = start(HAVING[2], engine, outside, tmp_path)
        assert b"outbound" in outside.wait("/v1/logs", b"a log of OpenTelemetry")
        assert said(listener, "log")["log"] == "a log of OpenTelemetry"
        # What the listener logs itself, each time, has not come back to it.
        assert not listener.heard(lambda line: "heard it" in line)
        assert outside.wait("/v1/traces", b"resourceSpans")
    finally:
        listener.kill()
        if newest is not None:
            newest.kill()
