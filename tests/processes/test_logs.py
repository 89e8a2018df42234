"""Lines of JSON from a real process under load."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.processes import MAX_LINES

from .requests import send
from .sites import Site, wait_ready
from .sockets import BareWorker

pytestmark = pytest.mark.slow

REQUESTS = 200
JSON = {"content-type": "application/json"}


def test_every_line_is_json_and_those_of_a_failed_request_share_its_error_id(site: Site) -> None:
    site.configure(LOG_FORMAT="json")
    process = site.runengine(*site.ports())
    wait_ready(process)
    with BareWorker(site.worker_url) as worker:
        worker.socket.send("{no frame")
        errors = _load(site)
    process.terminate()
    assert process.wait() == 0
    said = {*process.heard(lambda line: True), "ready"}
    lines = process.tail(MAX_LINES).splitlines()[1:]
    read = [_parsed(line) for line in lines if line not in said]
    of_worker = [line for line in read if "sent a bad frame" in line["message"]]
    assert [bool(line["worker"] and line["node_id"]) for line in of_worker] == [True]
    assert len(errors) == REQUESTS
    for error_id in errors:
        answered, failed = sorted(
            (line for line in read if line.get("invocation_id") == error_id),
            key=lambda line: str(line["logger"]),
            reverse=True,
        )
        assert answered["message"] == "POST /fail is answered 500: invocation_failed"
        assert failed["message"] == "Function site.fail failed."
        assert failed["exception"].endswith("ValueError: two\nlines")
        assert (failed["trigger_type"], failed["function_id"]) == ("http", "site.fail")


def _load(site: Site) -> list[str]:
    def fail(number: int) -> str:
        answer = send(site.http_port, "POST", "/fail", b"{}", headers=JSON)
        assert answer.status == 500
        return str(answer.body["error"]["error_id"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(fail, range(REQUESTS)))


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
    except ValueError:
        pytest.fail(f"no JSON: {line}")
    return parsed
