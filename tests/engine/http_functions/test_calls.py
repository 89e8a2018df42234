"""Calls over HTTP: what goes out, what comes of the answer (trigger reference, section 10)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import IiiError
from tests.support.http_target import HttpTarget
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def register(worker: FakeWorker, url: str, function_id: str = "f", **more: Any) -> None:
    await worker.send("registerfunction", id=function_id, invocation={"url": url, **more})


async def failure(function_id: str = "f", data: Any = None) -> tuple[str, str]:
    with pytest.raises(IiiError) as failed:
        await ainvoke(function_id, data)
    return failed.value.code, failed.value.message


async def test_the_request_has_the_headers_of_the_reference(
    connect: Connect, target: HttpTarget
) -> None:
    worker, caller = await connect(), await connect()
    await register(worker, f"{target.url}?q=1", headers={"X-Own": "yes", "x-iii-timestamp": "1"})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await caller.call("f", {"a": 1}, traceparent=trace)
    assert answer["result"] == {"ok": True}
    request = target.requests[0]
    assert request.line == "POST /run?q=1 HTTP/1.1"
    assert request.json == {"a": 1, "_caller_worker_id": caller.id}
    headers = request.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-iii-function-path"] == "f"
    assert uuid.UUID(headers["x-iii-invocation-id"])
    assert headers["x-iii-trace-id"] == "0af7651916cd43dd8448eb211c80319c"
    assert headers["traceparent"] == trace
    assert (headers["x-own"], headers["x-iii-timestamp"]) == ("yes", "1")
    assert headers["host"] == f"127.0.0.1:{target.port}"
    assert not headers.keys() & {"cookie", "authorization", "x-iii-signature"}


async def test_what_is_no_trace_context_is_not_sent(connect: Connect, target: HttpTarget) -> None:
    worker, caller = await connect(), await connect()
    await register(worker, target.url)
    await caller.call("f", traceparent="00-no-trace-01")
    assert not target.requests[0].headers.keys() & {"traceparent", "x-iii-trace-id"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_carries_the_input(
    connect: Connect, target: HttpTarget, method: str
) -> None:
    await register(await connect(), target.url, method=method, headers=None, auth=None)
    assert await ainvoke("f", [1, "ü"]) == {"ok": True}
    assert target.requests[0].line == f"{method} /run HTTP/1.1"
    assert target.requests[0].json == [1, "ü"]


async def test_the_signature_is_over_timestamp_and_body(
    connect: Connect, target: HttpTarget, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.III_HTTP_FUNCTION_SECRETS = ["HOOK_*"]
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    auth = {"type": "hmac", "secret_key": "HOOK_KEY"}
    await register(await connect(), target.url, auth=auth, headers={"X-III-Timestamp": "1"})
    await ainvoke("f", {"a": 1})
    request = target.requests[0]
    stamp = request.headers["x-iii-timestamp"]
    assert abs(int(stamp) - time.time()) < 10
    signed = stamp + ":" + base64.b64encode(request.body).decode()
    digest = hmac.digest(b"s3cret", signed.encode(), hashlib.sha256).hex()
    assert request.headers["x-iii-signature"] == f"sha256={digest}"


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "token_key": "HOOK_KEY"}, "authorization", "Bearer s3cret"),
        ({"type": "api_key", "header": "X-Key", "value_key": "HOOK_KEY"}, "x-key", "s3cret"),
    ],
)
async def test_tokens_and_keys_are_sent(
    connect: Connect,
    target: HttpTarget,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    auth: Any,
    header: str,
    value: str,
) -> None:
    settings.III_HTTP_FUNCTION_SECRETS = ["HOOK_KEY"]
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    await register(await connect(), target.url, auth=auth)
    await ainvoke("f")
    assert target.requests[0].headers[header] == value
    monkeypatch.delenv("HOOK_KEY")
    assert (await failure())[0] in ("token_not_found", "api_key_not_found")


@pytest.mark.parametrize("result", [{"a": [1]}, [], "text", 0, False, None, 1.5])
async def test_json_of_any_shape_is_the_result(
    connect: Connect, target: HttpTarget, result: Any
) -> None:
    caller = await connect()
    await register(caller, target.url)
    target.reply(result, raw=b"null" if result is None else b"")
    answer = await caller.call("f")
    assert answer["result"] == result


@pytest.mark.parametrize(
    ("status", "raw", "outcome"),
    [
        ("200 OK", b"", "absent"),
        ("204 No Content", b"", "absent"),
        ("201 Created", b" \n", "absent"),
        ("200 OK", b"<html>", "invalid_response"),
        ("200 OK", b'{"a":', "invalid_response"),
        ("200 OK", b"\xff\xfe", "invalid_response"),
        ("304 Not Modified", b"", "absent"),
        ("302 Found", b"moved", "absent"),
        ("302 Found", b"[1]", [1]),
    ],
)
async def test_what_other_answers_mean(
    connect: Connect, target: HttpTarget, status: str, raw: bytes, outcome: Any
) -> None:
    caller = await connect()
    await register(caller, target.url)
    target.reply(status=status, raw=raw)
    answer = await caller.call("f")
    if outcome == "invalid_response":
        assert answer["error"]["code"] == outcome
    else:
        assert answer.get("result", "absent") == outcome


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("400 Bad Request", None, ("http_error", "HTTP 400 Bad Request")),
        ("503 Service Unavailable", "text", ("http_error", "HTTP 503 Service Unavailable")),
        ("599 Odd", None, ("http_error", "HTTP 599 <unknown status code>")),
        ("404 X", {"error": {"code": "gone", "message": "No."}}, ("gone", "No.")),
        ("500 X", {"error": {"code": 7}}, ("http_error", "HTTP request failed")),
        ("500 X", {"error": "oh"}, ("http_error", "HTTP request failed")),
        ("500 X", {"other": 1}, ("http_error", "HTTP 500 Internal Server Error")),
        ("500 X", {"error": {"message": "m"}}, ("http_error", "m")),
    ],
)
async def test_errors_of_the_server_are_the_errors_of_the_call(
    connect: Connect, target: HttpTarget, status: str, body: Any, expected: tuple[str, str]
) -> None:
    await register(await connect(), target.url)
    target.reply(body, status=status)
    assert await failure() == expected


async def test_redirects_are_not_followed(connect: Connect, target: HttpTarget) -> None:
    await register(await connect(), target.url)
    target.reply(status="302 Found", headers=f"Location: http://127.0.0.1:{target.port}/else\r\n")
    assert await ainvoke("f") is None
    assert [request.line for request in target.requests] == ["POST /run HTTP/1.1"]


async def test_cookies_and_proxies_are_ignored(
    connect: Connect, target: HttpTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await register(await connect(), target.url)
    target.reply({"ok": True}, headers="Set-Cookie: a=b\r\n")
    await ainvoke("f")
    await ainvoke("f")
    assert "cookie" not in target.requests[1].headers
    assert target.connections == 1


async def test_a_huge_answer_is_cut_off(
    connect: Connect, target: HttpTarget, settings: Any
) -> None:
    settings.III_HTTP_FUNCTION_MAX_BYTES = 1000
    await register(await connect(), target.url)
    target.reply("x" * 998)
    assert await ainvoke("f") == "x" * 998
    target.reply("x" * 999)
    assert (await failure())[0] == "http_response_failed"
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    target.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 1000
    assert (await failure())[0] == "http_response_failed"


async def test_an_answer_that_breaks_off_fails(connect: Connect, target: HttpTarget) -> None:
    await register(await connect(), target.url)
    target.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{}"
    assert (await failure())[0] == "http_response_failed"
    target.answer = b"this is not HTTP\r\nConnection: close\r\n\r\n"
    assert (await failure())[0] == "http_request_failed"
    target.answer = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\nConnection: close\r\n\r\n"
    assert (await failure())[0] == "http_request_failed"


async def test_a_silent_server_is_given_up(connect: Connect, target: HttpTarget) -> None:
    target.hangs = True
    await register(await connect(), target.url, timeout_ms=50)
    assert await failure() == ("http_request_failed", "No answer within 50 ms.")


async def test_a_body_that_drips_is_given_up(connect: Connect, target: HttpTarget) -> None:
    target.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"
    await register(await connect(), target.url, timeout_ms=50)
    assert await failure() == ("http_request_failed", "No answer within 50 ms.")


async def test_nobody_listens(connect: Connect, target: HttpTarget) -> None:
    url = target.url
    await target.stop()
    await register(await connect(), url)
    assert (await failure())[0] == "http_request_failed"


async def test_the_deadline_of_the_caller_ends_the_request(
    connect: Connect, target: HttpTarget, engine: Engine
) -> None:
    target.hangs = True
    await register(await connect(), target.url)
    with pytest.raises(IiiError) as failed:
        await ainvoke("f", timeout_s=0.05)
    assert failed.value.code == "TIMEOUT"
    assert engine.invoker.in_flight == 0


async def test_one_server_takes_half_of_the_slots(
    connect: Connect, target: HttpTarget, settings: Any, runner: asyncio.Runner
) -> None:
    settings.III_HTTP_FUNCTION_CONCURRENCY = 4
    other = HttpTarget()
    await other.start()
    other.reply("other")
    try:
        worker = await connect()
        await register(worker, target.url, "slow")
        await register(worker, other.url, "fast")
        target.hangs = True
        calls = [asyncio.create_task(ainvoke("slow")) for _ in range(10)]
        await target.arrived(2)
        assert await ainvoke("fast") == "other"
        assert len(target.requests) == 2
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await other.stop()


async def test_an_engine_that_stops_ends_requests(
    connect: Connect, target: HttpTarget, engine: Engine
) -> None:
    target.hangs = True
    await register(await connect(), target.url)
    call = asyncio.create_task(ainvoke("f"))
    await target.arrived()
    await engine.stop()
    with pytest.raises(IiiError) as failed:
        await call
    assert failed.value.code == "invocation_stopped"
