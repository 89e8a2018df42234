"""Functions that are asked before the one of a trigger (trigger reference, section 2.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import IiiError
from tests.support.http import ask, is_error
from tests.support.site import declare

Serve = Callable[..., Awaitable[None]]


@pytest.fixture
def offer(engine: Engine) -> Callable[..., None]:
    """Declare functions of the site."""

    def offer(function_id: str, handler: Callable[[Any], Any]) -> None:
        engine.functions.add_local(declare(engine.site, function_id, handler))

    return offer


async def echo(data: Any) -> Any:
    return data["path"]


def passes(data: Any) -> Any:
    return {"action": "continue"}


async def test_middleware_is_asked_in_order_and_before_all_else(serve: Serve, offer: Any) -> None:
    asked: list[str] = []

    def noting(name: str) -> Callable[[Any], Any]:
        def note(data: Any) -> Any:
            asked.append(name)
            data.clear()
            return {"action": "continue"}

        return note

    def condition(data: Any) -> bool:
        asked.append("condition")
        return True

    for name in ("global1", "global2", "own1", "own2"):
        offer(name, noting(name))
    offer("condition", condition)
    await serve(echo, middleware_function_ids=["own2", "own1"], condition_function_id="condition")
    with override_settings(III_HTTP_MIDDLEWARE=["global1", "global2"]):
        assert (await ask("GET", "/x")).json() == "/x"
        assert asked == ["global1", "global2", "own2", "own1", "condition"]
        asked.clear()
        assert (await ask("GET", "/unknown")).status == 404
        assert (await ask("PUT", "/x")).status == 405
        assert asked == []


async def test_it_learns_of_the_request_what_functions_see(serve: Serve, offer: Any) -> None:
    seen: list[Any] = []
    offer("m", lambda data: seen.append(data))
    config = {"middleware_function_ids": ["m"], "pass_headers": ["authorization"]}
    await serve(echo, "items/:id", http_method="POST", **config)
    headers = {"authorization": "Bearer t", "cookie": "a=1", "content-type": "text/plain"}
    answer = await ask("POST", "/items/7?q=1", headers=headers, body=b"secret")
    assert answer.status == 200
    [question] = seen
    assert question["request"]["headers"].pop("content-length") == "6"
    assert question == {
        "phase": "preHandler",
        "request": {
            "path_params": {"id": "7"},
            "query_params": {"q": "1"},
            "headers": {
                "host": "testserver",
                "authorization": "Bearer t",
                "content-type": "text/plain",
            },
            "method": "POST",
        },
        "context": {},
    }


async def test_a_response_ends_the_request_before_its_body_is_read(
    serve: Serve, offer: Any
) -> None:
    response = {"status_code": 403, "headers": {"x-a": "b", "set-cookie": "a=1"}, "body": {"n": 1}}
    offer("m", lambda data: {"action": "respond", "response": response})
    offer("never", lambda data: pytest.fail("asked after an answer"))
    await serve(echo, http_method="POST", middleware_function_ids=["m", "never"])
    answer = await ask("POST", "/x", chunks=[{"type": "http.disconnect"}])
    assert (answer.status, answer.json(), answer.header("x-a")) == (403, {"n": 1}, "b")
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize(
    ("response", "status", "body"),
    [({}, 200, b"null"), (None, 200, b"null"), ({"status_code": 201, "body": "x"}, 201, b'"x"')],
)
async def test_a_response_has_defaults(
    serve: Serve, offer: Any, response: Any, status: int, body: bytes
) -> None:
    offer("m", lambda data: {"action": "respond", "response": response})
    await serve(echo, middleware_function_ids=["m"])
    answer = await ask("GET", "/x")
    assert (answer.status, answer.body) == (status, body)
    assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize("response", [7, [], {"status_code": "403"}, {"status_code": 99}])
async def test_a_response_that_is_none_does_not_let_the_request_pass(
    serve: Serve, offer: Any, response: Any
) -> None:
    offer("m", lambda data: {"action": "respond", "response": response})
    await serve(echo, middleware_function_ids=["m"])
    assert is_error(await ask("GET", "/x"), 500, "INVALID_RESPONSE")


@pytest.mark.parametrize("verdict", [None, True, "respond", {}, {"action": "stop"}, []])
async def test_any_other_answer_lets_the_request_pass(
    serve: Serve, offer: Any, verdict: Any
) -> None:
    offer("m", lambda data: verdict)
    await serve(echo, middleware_function_ids=["m"])
    assert (await ask("GET", "/x")).status == 200


async def test_an_error_is_answered_like_one_of_the_function(serve: Serve, offer: Any) -> None:
    def fail(data: Any) -> None:
        raise IiiError("who are you", code="unknown_user")

    offer("m", fail)
    await serve(echo, middleware_function_ids=["m"])
    assert is_error(await ask("GET", "/x"), 500, "unknown_user")


async def test_middleware_that_is_not_there_is_503(serve: Serve) -> None:
    await serve(echo, middleware_function_ids=["gone"])
    assert is_error(await ask("GET", "/x"), 503, "WORKER_UNAVAILABLE")
    with override_settings(III_HTTP_MIDDLEWARE=["gone too"]):
        assert is_error(await ask("GET", "/x"), 503, "WORKER_UNAVAILABLE")


async def test_middleware_that_takes_too_long_is_504(serve: Serve, offer: Any) -> None:
    async def wait(data: Any) -> None:
        await asyncio.Event().wait()

    offer("m", wait)
    await serve(echo, middleware_function_ids=["m"], timeout_ms=10)
    assert is_error(await ask("GET", "/x"), 504, "MIDDLEWARE_TIMEOUT")
