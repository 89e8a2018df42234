"""Registering functions behind URLs: who owns them, who goes first, what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import Function
from iii_triggers.protocol.errors import FunctionNotFound
from tests.support.http_target import HttpTarget
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]

PUBLIC = "https://a.example/"
BEARER = {"type": "bearer", "token_key": "DJANGO_SECRET_KEY"}

REFUSED: list[tuple[Any, str]] = [
    ({}, "INVALID_ARGUMENTS"),
    ({"url": 7}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "method": "post"}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "method": "CONNECT"}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "timeout_ms": 0}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "timeout_ms": "1"}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "headers": {"Host": "b"}}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "headers": {"transfer-encoding": "chunked"}}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "headers": {"A": "b\r\nC: d"}}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "headers": {"A b": "c"}}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "headers": {f"a{n}": "" for n in range(65)}}, "INVALID_ARGUMENTS"),
    ({"url": PUBLIC, "auth": {"type": "basic"}}, "INVALID_ARGUMENTS"),
    (
        {"url": PUBLIC, "auth": {"type": "api_key", "header": "Host", "value_key": "K"}},
        "INVALID_ARGUMENTS",
    ),
    ({"url": PUBLIC, "auth": BEARER}, "token_not_found"),
    ({"url": PUBLIC, "auth": {"type": "hmac", "secret_key": "K"}}, "secret_not_found"),
    (
        {"url": PUBLIC, "auth": {"type": "api_key", "header": "X", "value_key": "K"}},
        "api_key_not_found",
    ),
    ({"url": "http://a.example/"}, "url_validation_failed"),
    ({"url": "https://10.0.0.1/"}, "url_validation_failed"),
]


@pytest.mark.parametrize(("invocation", "code"), REFUSED)
async def test_what_is_not_allowed_is_logged_and_does_not_exist(
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    invocation: Any,
    code: str,
) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "exfiltrate me")
    worker = await connect("other")
    await worker.send("registerfunction", id="f", invocation=invocation)
    assert f"Function f was refused, {code}" in caplog.text
    assert "exfiltrate me" not in caplog.text
    assert "f" not in worker.connection.function_ids
    with pytest.raises(FunctionNotFound):
        await ainvoke("f")
    assert worker.transport.close_code is None
    await worker.start_call("other")
    assert await worker.transport.receive("invokefunction")


async def test_it_belongs_to_the_connection_that_registered_it(
    connect: Connect, target: HttpTarget
) -> None:
    worker, other = await connect(), await connect()
    await worker.send("registerfunction", id="f", invocation={"url": target.url})
    await other.send("unregisterfunction", id="f")
    assert await ainvoke("f") == {"ok": True}
    await worker.leave()
    with pytest.raises(FunctionNotFound):
        await ainvoke("f")


async def test_it_can_be_withdrawn_and_become_a_plain_function(
    connect: Connect, target: HttpTarget
) -> None:
    worker = await connect()
    await worker.send("registerfunction", id="f", invocation={"url": target.url})
    await worker.send("unregisterfunction", id="f")
    with pytest.raises(FunctionNotFound):
        await ainvoke("f")
    await worker.send("registerfunction", id="f", invocation={"url": target.url})
    await worker.offer("f")
    await worker.start_call("f")
    assert await worker.transport.receive("invokefunction")
    assert target.requests == []


async def test_a_worker_goes_first_and_the_site_last(
    connect: Connect, target: HttpTarget, engine: Engine
) -> None:
    engine.functions.add_local(declare(engine.site, "f", lambda data: "site"))
    behind = await connect()
    await behind.send("registerfunction", id="f", invocation={"url": target.url})
    assert await ainvoke("f") == {"ok": True}
    worker = await connect("f")
    await behind.start_call("f")
    assert await worker.transport.receive("invokefunction")
    await worker.leave()
    assert await ainvoke("f") == {"ok": True}
    await behind.leave()
    assert await ainvoke("f") == "site"


async def test_nobody_takes_over_a_function_of_the_engine(
    connect: Connect, target: HttpTarget
) -> None:
    worker = await connect()
    invocation = {"url": target.url}
    await worker.send("registerfunction", id="engine::functions::list", invocation=invocation)
    assert "functions" in await ainvoke("engine::functions::list")
    assert target.requests == []


async def test_triggers_run_it(connect: Connect, target: HttpTarget) -> None:
    worker = await connect()
    await worker.send("registerfunction", id="f", invocation={"url": target.url})
    await worker.bind("t", "subscribe", config={"topic": "news"})
    await ainvoke("publish", {"topic": "news", "data": {"n": 1}})
    assert (await target.arrived())[0].json == {"n": 1}


async def test_its_row_shows_no_secrets(
    connect: Connect,
    flush: Flush,
    engine: Engine,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.III_HTTP_FUNCTION_SECRETS = ["HOOK_KEY"]
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    worker = await connect()
    invocation = {
        "url": "https://a.example/x?token=s3cret",
        "headers": {"X-Token": "s3cret"},
        "auth": {"type": "hmac", "secret_key": "HOOK_KEY"},
        "timeout_ms": 90_000,
    }
    await worker.send("registerfunction", id="f", invocation=invocation)
    await flush()
    row = await engine.database.run(lambda: Function.objects.get(function_id="f").invocation)
    assert row == {
        "url": "https://a.example/x",
        "method": "POST",
        "timeout_ms": 60_000,
        "headers": ["X-Token"],
        "auth": {"type": "hmac", "secret_key": "HOOK_KEY"},
    }
