"""A token that ends while its worker connects, or goes on sending."""

from __future__ import annotations

import asyncio
from typing import Any

from django.test import override_settings
from django.utils import timezone

from iii_triggers.asgi import TriggerDispatcher
from iii_triggers.engine.core import Engine
from iii_triggers.models import WorkerToken
from tests.support.asgi import Headers, Socket
from tests.support.eventually import eventually
from tests.support.workers import FakeWorker

LISTENERS = [{"port": 49135, "rbac": {"auth_function_id": "gate::auth"}}]
OFFER = {"type": "registerfunction", "id": "late"}


async def site(scope: Any, receive: Any, send: Any) -> None:
    """A site that answers nothing."""
    raise AssertionError("the site was asked")


def door(token: str, *, port: int) -> Socket:
    headers: Headers = [(b"authorization", f"Bearer {token}".encode())]
    return Socket(
        TriggerDispatcher(site),
        path="/" if port == 49135 else "/iii/worker",
        server=("127.0.0.1", port),
        client="192.0.2.7",
        headers=headers,
        on_worker_port=False,
    )


async def issue(engine: Engine) -> tuple[WorkerToken, str]:
    return await engine.database.run(lambda: WorkerToken.objects.issue("test"))


async def revoke(engine: Engine, row: WorkerToken) -> None:
    rows = WorkerToken.objects.filter(pk=row.pk)
    await engine.database.run(lambda: rows.update(revoked_at=timezone.now()))
    await engine.tokens.check()


async def test_a_token_that_ends_while_the_auth_function_thinks(
    engine: Engine, connect: Any
) -> None:
    gate: FakeWorker = await connect("gate::auth")
    row, token = await issue(engine)
    with override_settings(III_WORKER_LISTENERS=LISTENERS):
        async with door(token, port=49135) as socket:
            (question,) = await gate.transport.receive("invokefunction")
            socket.send(OFFER)
            await revoke(engine, row)
            await gate.answer(question, result={})
            assert await socket.close_code() == 4401
            assert len(engine.connections) == 1
    assert not engine.functions.offers_of(("default", "late"))


async def test_nothing_is_heard_after_the_end(engine: Engine) -> None:
    row, token = await issue(engine)
    async with door(token, port=8000) as socket:
        worker_id = (await socket.greeting())["worker_id"]
        await revoke(engine, row)
        assert await socket.close_code() == 4401
        socket.send({"type": "invokefunction", "function_id": "state::set", "data": {}})
        socket.send(OFFER)
        await eventually(lambda: _is(not socket.unread))
        await eventually(lambda: _is(worker_id not in engine.connections))
        await asyncio.sleep(0)
    assert not engine.functions.offers_of(("default", "late"))


async def test_nor_from_one_that_does_not_read(engine: Engine) -> None:
    row, token = await issue(engine)
    async with door(token, port=8000) as socket:
        worker_id = (await socket.greeting())["worker_id"]
        socket.reads.clear()
        socket.send({"type": "ping"})
        await eventually(lambda: _is(not socket.unread))
        await revoke(engine, row)
        socket.send(OFFER)
        await eventually(lambda: _is(not socket.unread))
        await eventually(lambda: _is(worker_id not in engine.connections))
    assert not engine.functions.offers_of(("default", "late"))


async def test_a_session_knows_whose_token_it_is(engine: Engine) -> None:
    _, token = await issue(engine)
    async with door(token, port=8000) as socket:
        worker_id = (await socket.greeting())["worker_id"]
        assert engine.connections[worker_id].session.holder == "test"


async def _is(value: bool) -> bool:
    return value
