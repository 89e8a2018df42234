"""From a request to an answer, with a real engine behind it (design, section 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import InvocationPayload
from iii_triggers.protocol.errors import IiiError
from tests.support.http import ask, chunked, is_error, without_channels
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Serve = Callable[..., Awaitable[None]]
JSON = {"content-type": "application/json"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def echo(data: Any) -> Any:
    return data


async def test_a_function_gets_the_envelope_and_the_values_at_the_top(serve: Serve) -> None:
    await serve(echo, "shops/:id", http_method="POST")
    answer = await ask("POST", "/shops/a%20b?q=1&id=query", headers=JSON, body=b'{"n":1,"q":2}')
    assert answer.status == 200
    assert without_channels(answer.json()) == {
        "path": "/shops/a b",
        "method": "POST",
        "path_params": {"id": "a b"},
        "query_params": {"q": "1", "id": "query"},
        "headers": {
            "host": "testserver",
            "content-type": "application/json",
            "content-length": "13",
        },
        "body": {"n": 1, "q": 2},
        "trigger": {"type": "http", "path": "shops/:id", "method": "POST"},
        "n": 1,
        "q": 2,
        "id": "a b",
    }


async def test_the_history_keeps_a_request_without_its_channels(
    serve: Serve, engine: Engine
) -> None:
    await serve(echo, "x", http_method="POST")
    with override_settings(III_HISTORY="all"):
        answer = await ask("POST", "/x", headers=JSON, body=b'{"n":1}')
        await engine.history.flush()
    [payload] = await engine.database.run(lambda: list(InvocationPayload.objects.all()))
    assert json.loads(payload.input) == without_channels(answer.json()) != answer.json()
    assert not payload.input_cut and not payload.redacted


async def test_a_worker_answers_with_status_headers_and_body(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "x"}, metadata={"m": 1})
    asking = asyncio.ensure_future(ask("GET", "/x", headers={"traceparent": TRACE}))
    [invocation] = await worker.transport.receive("invokefunction")
    assert invocation["metadata"] == {"m": 1}
    assert invocation["traceparent"] == TRACE
    assert "_caller_worker_id" not in invocation["data"]
    result = {"status_code": 201, "headers": {"x-a": "b"}, "body": {"id": 1}}
    await worker.answer(invocation, result=result)
    answer = await asking
    assert (answer.status, answer.json(), answer.header("x-a")) == (201, {"id": 1}, "b")


@pytest.mark.parametrize("traceparent", ["00-aa-bb-01", TRACE.upper(), TRACE + "-more", "x" * 9000])
async def test_a_trace_context_that_is_none_and_baggage_stay_at_the_door(
    connect: Connect, traceparent: str
) -> None:
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "x"})
    headers = {"traceparent": traceparent, "baggage": "user=admin"}
    asking = asyncio.ensure_future(ask("GET", "/x", headers=headers))
    [invocation] = await worker.transport.receive("invokefunction")
    assert not {"traceparent", "baggage"} & invocation.keys()
    await worker.answer(invocation, result=1)
    await asking


async def test_a_plain_value_is_the_body_and_nothing_is_204(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "x"})
    for number, outcome in enumerate([{"result": [1, "two"]}, {"result": None}, {}], start=1):
        asking = asyncio.ensure_future(ask("GET", "/x"))
        invocation = (await worker.transport.receive("invokefunction", number))[-1]
        await worker.answer(invocation, **outcome)
        answer = await asking
        if number == 1:
            assert (answer.status, answer.json()) == (200, [1, "two"])
        else:
            assert (answer.status, answer.body) == (204, b"")


async def test_an_unknown_path_of_the_trigger_port_is_404(engine: Engine) -> None:
    assert is_error(await ask("GET", "/nothing"), 404, "NOT_FOUND")


async def test_a_wrong_method_is_405_with_allow(serve: Serve) -> None:
    await serve(echo)
    answer = await ask("DELETE", "/x")
    assert is_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{", 400, "BAD_REQUEST"),
        ("application/json", b'"' + b"\xff" + b'"', 400, "BAD_REQUEST"),
        ("text/plain; charset=utf-7", b"x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("multipart/form-data", b"x", 400, "BAD_REQUEST"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    serve: Serve, content_type: str, body: bytes, status: int, code: str
) -> None:
    await serve(lambda data: pytest.fail("called"), http_method="POST")
    answer = await ask("POST", "/x", headers={"content-type": content_type}, body=body)
    assert is_error(answer, status, code)


async def test_a_compressed_body_is_refused(serve: Serve) -> None:
    await serve(echo, http_method="POST")
    headers = {**JSON, "content-encoding": "gzip"}
    assert (await ask("POST", "/x", headers=headers, body=b"x")).status == 415


async def test_a_body_is_counted_while_it_streams(serve: Serve) -> None:
    await serve(echo, http_method="POST", max_body_bytes=10)
    text = {"content-type": "text/plain"}
    answer = await ask("POST", "/x", headers=text, chunks=chunked(b"12345", b"67890"))
    assert answer.json()["body"] == "1234567890"
    never_ends = [*chunked(b"12345", b"67890", b"x")[:-1]]
    answer = await ask("POST", "/x", headers=text, chunks=never_ends)
    assert is_error(answer, 413, "PAYLOAD_TOO_LARGE")
    one_piece = await ask("POST", "/x", headers=text, body=b"12345678901")
    assert one_piece.status == 413


@pytest.mark.parametrize("length", ["11", "9" * 30, "9" * 5000])
async def test_a_body_that_says_it_is_too_large_is_not_read(serve: Serve, length: str) -> None:
    await serve(echo, http_method="POST", max_body_bytes=10)
    answer = await ask("POST", "/x", headers={"content-length": length}, chunks=chunked())
    assert is_error(answer, 413, "PAYLOAD_TOO_LARGE")


async def test_the_sites_limit_holds_where_the_trigger_has_none(serve: Serve) -> None:
    await serve(echo, http_method="POST")
    with override_settings(III_MAX_BODY_BYTES=3):
        headers = {"content-type": "text/plain"}
        assert (await ask("POST", "/x", headers=headers, body=b"1234")).status == 413


async def test_a_client_that_leaves_in_the_middle_of_its_body_runs_nothing(serve: Serve) -> None:
    calls: list[Any] = []
    await serve(calls.append, http_method="POST")
    chunks = [*chunked(b"delete everything")[:1], {"type": "http.disconnect"}]
    answer = await ask("POST", "/x", headers={"content-type": "text/plain"}, chunks=chunks)
    assert answer.status == 0
    assert calls == []


async def test_a_condition_decides_whether_the_function_runs(serve: Serve, engine: Engine) -> None:
    calls: list[Any] = []
    asked: list[Any] = []

    async def condition(data: Any) -> Any:
        asked.append(data["path"])
        return data["query_params"]["answer"] != "no" and None

    engine.functions.add_local(declare(engine.site, "may", condition))
    await serve(lambda data: calls.append(data) or "ran", condition_function_id="may")
    refused = await ask("GET", "/x?answer=no")
    assert is_error(refused, 422, "CONDITION_NOT_MET")
    assert refused.json()["skipped"] is True
    assert calls == []
    assert (await ask("GET", "/x?answer=yes")).json() == "ran"
    assert asked == ["/x", "/x"]


async def test_a_condition_that_fails_is_an_error_and_runs_nothing(serve: Serve) -> None:
    await serve(lambda data: pytest.fail("called"), condition_function_id="missing")
    assert is_error(await ask("GET", "/x"), 503, "WORKER_UNAVAILABLE")


async def test_what_a_function_raises_is_500_with_its_code_and_no_traceback(serve: Serve) -> None:
    async def fail(data: Any) -> None:
        raise IiiError("No funds", code="BROKE")

    await serve(fail)
    answer = await ask("GET", "/x")
    assert is_error(answer, 500, "BROKE")
    assert answer.json()["error"]["message"] == "No funds"
    assert b"Traceback" not in answer.body


async def test_a_result_that_is_not_json_is_500(serve: Serve) -> None:
    await serve(lambda data: object())
    assert is_error(await ask("GET", "/x"), 500, "serialization_error")


async def test_a_function_that_is_not_there_is_503_and_is_not_named(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect()
    await worker.bind("t", "http", function_id="secret::name", config={"api_path": "x"})
    answer = await ask("GET", "/x")
    assert is_error(answer, 503, "WORKER_UNAVAILABLE")
    assert b"secret" not in answer.body


async def test_a_worker_that_dies_is_503(connect: Connect) -> None:
    owner, worker = await connect(), await connect("f")
    await owner.bind("t", "http", config={"api_path": "x"})
    asking = asyncio.ensure_future(ask("GET", "/x"))
    await worker.transport.receive("invokefunction")
    await worker.leave()
    assert is_error(await asking, 503, "WORKER_UNAVAILABLE")


async def test_a_function_that_is_too_slow_is_504(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "x", "timeout_ms": 10})
    assert is_error(await ask("GET", "/x"), 504, "TIMEOUT")


async def test_head_is_get_without_the_body(serve: Serve) -> None:
    await serve(lambda data: {"method": data["method"]})
    answer = await ask("HEAD", "/x")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-length") == str(len(b'{"method":"HEAD"}'))


async def test_options_tells_the_methods_and_nothing_about_origins(serve: Serve) -> None:
    await serve(echo, http_method="POST")
    answer = await ask("OPTIONS", "/x", headers={"origin": "https://a.example"})
    assert (answer.status, answer.header("allow")) == (204, "POST, OPTIONS")
    assert answer.header("access-control-allow-origin") is None


async def test_an_allowed_origin_may_ask_and_read_errors_too(serve: Serve) -> None:
    await serve(echo, http_method="POST")
    origin = {"origin": "https://a.example"}
    with override_settings(III_CORS_ALLOWED_ORIGINS=["https://a.example"]):
        preflight = await ask(
            "OPTIONS", "/x", headers={**origin, "access-control-request-method": "POST"}
        )
        assert preflight.header("access-control-allow-methods") == "POST, OPTIONS"
        for answer in (
            preflight,
            await ask("POST", "/x", headers=origin),
            await ask("PUT", "/x", headers=origin),
        ):
            assert answer.header("access-control-allow-origin") == "https://a.example"
        stranger = await ask("POST", "/x", headers={"origin": "https://b.example"})
        assert stranger.header("access-control-allow-origin") is None


async def test_an_options_route_answers_for_itself(serve: Serve) -> None:
    await serve(lambda data: "mine", http_method="OPTIONS")
    assert (await ask("OPTIONS", "/x")).json() == "mine"


async def test_cookies_and_authorization_stay_with_the_site(serve: Serve) -> None:
    await serve(lambda data: data["headers"])
    await serve(lambda data: data["headers"], "y", pass_headers=["Cookie"])
    headers = {"cookie": "sessionid=1", "authorization": "Bearer x", "x-mine": "1"}
    assert set((await ask("GET", "/x", headers=headers)).json()) == {"host", "x-mine"}
    assert set((await ask("GET", "/y", headers=headers)).json()) == {"host", "x-mine", "cookie"}


async def test_a_route_comes_and_goes_with_its_trigger(engine: Engine, serve: Serve) -> None:
    await serve(echo)
    assert (await ask("GET", "/x")).status == 200
    await engine.triggers.unregister("f0", namespace="default")
    assert (await ask("GET", "/x")).status == 404


async def test_a_worker_cannot_have_a_route_of_the_site(serve: Serve, connect: Connect) -> None:
    await serve(lambda data: "site", "a/:id")
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "a/:id"})
    await worker.bind("u", "http", config={"api_path": "a/:other"})
    refusals = worker.transport.of_type("triggerregistrationresult")
    assert [refusal["id"] for refusal in refusals] == ["t", "u"]
    for refusal in refusals:
        assert "conflicts with already-registered route" in refusal["error"]["message"]
    assert (await ask("GET", "/a/1")).json() == "site"


async def test_what_a_condition_does_to_its_input_stays_its_own(
    serve: Serve, engine: Engine
) -> None:
    async def condition(data: Any) -> bool:
        data["name"] = "changed"
        return True

    engine.functions.add_local(declare(engine.site, "may", condition))
    await serve(lambda data: data["name"], condition_function_id="may")
    assert (await ask("GET", "/x?name=Ada")).json() == "Ada"


async def test_an_inner_call_to_a_missing_function_is_the_functions_error(serve: Serve) -> None:
    async def call_nobody(data: Any) -> Any:
        return await ainvoke("nobody")

    await serve(call_nobody)
    assert is_error(await ask("GET", "/x"), 500, "function_not_found")


@pytest.mark.parametrize("status", [199, 600, 999])
async def test_a_status_no_server_sends_is_an_error_and_not_a_lost_connection(
    serve: Serve, status: int
) -> None:
    await serve(lambda data: {"status_code": status})
    assert is_error(await ask("GET", "/x"), 500, "INVALID_RESPONSE")
