"""Listeners, their auth functions, and tokens with rules (protocol reference, section 9.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.routing import URLRouter
from django.test import override_settings
from django.utils import timezone

from iii_triggers.asgi import TriggerDispatcher
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.core import Engine
from iii_triggers.models import WorkerToken
from iii_triggers.routing import websocket_urlpatterns
from tests.support.asgi import Headers, Socket, request
from tests.support.eventually import eventually

ELSEWHERE = "192.0.2.7"
RBAC = 49135
PLAIN = 49199

LISTENERS = [
    {"port": PLAIN},
    {
        "port": RBAC,
        "path": "partners",
        "rbac": {"auth_function_id": "gate::auth", "expose_functions": ['match("public::*")']},
    },
    {"path": "strict", "require_token": True},
    {"path": "open-rbac", "rbac": {"expose_functions": ['match("public::*")']}},
]


@pytest.fixture(autouse=True)
def listeners() -> Iterator[None]:
    with override_settings(III_WORKER_LISTENERS=LISTENERS):
        yield


async def site(scope: Any, receive: Any, send: Any) -> None:
    """A site that answers nothing."""
    raise AssertionError("the site was asked")


def door(*, port: int = RBAC, path: str = "/", **options: Any) -> Socket:
    application = TriggerDispatcher(site)
    options = {"client": ELSEWHERE, "on_worker_port": False, **options}
    return Socket(application, path=path, server=("127.0.0.1", port), **options)


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


async def issue(engine: Engine, **rules: Any) -> tuple[WorkerToken, str]:
    return await engine.database.run(lambda: WorkerToken.objects.issue("test", **rules))


def session_of(engine: Engine, worker_id: str) -> Session:
    return engine.connections[worker_id].session


class TestAuthFunction:
    async def test_it_gets_headers_query_and_address(self, connect: Any) -> None:
        gate = await connect("gate::auth")
        headers = [
            (b"X-Test-Token", b"first"),
            (b"x-test-token", b"valid-token"),
            (b"x-other", b"\xff"),
            (b"authorization", b"Bearer theirs"),
        ]
        async with door(headers=headers, query="token=a%20b&token=c&flag&=x") as socket:
            assert (await socket.event())["type"] == "websocket.accept"
            (question,) = await gate.transport.receive("invokefunction")
            assert question["function_id"] == "gate::auth"
            assert question["data"] == {
                "headers": {"x-test-token": "valid-token", "authorization": "Bearer theirs"},
                "query_params": {"token": ["a%20b", "c"], "flag": [""]},
                "ip_address": ELSEWHERE,
            }
            assert socket.is_silent()
            await gate.answer(question, result={})
            assert (await socket.frame())["type"] == "workerregistered"

    async def test_its_answer_becomes_the_session(self, engine: Engine, connect: Any) -> None:
        gate = await connect("gate::auth")
        async with door() as socket:
            (question,) = await gate.transport.receive("invokefunction")
            answer = {
                "allowed_functions": ["own::f"],
                "forbidden_functions": ["public::no"],
                "allowed_trigger_types": ["http"],
                "allow_function_registration": None,
                "context": {"user": 7},
                "function_registration_prefix": "p",
                "namespaces": {"orders": ["svc::*"]},
                "something": "else",
            }
            await gate.answer(question, result=answer)
            session = session_of(engine, (await socket.greeting())["worker_id"])
            (rules,) = session.rules
            assert rules.restricts_calls
            assert rules.allowed_functions == {"own::f"}
            assert rules.forbidden_functions == ("public::no",)
            assert rules.namespaces == {"orders": ("svc::*",)}
            assert rules.allowed_trigger_types == {"http"}
            assert rules.allow_function_registration
            assert not rules.allow_trigger_type_registration
            assert (session.prefix, session.context) == ("p::", {"user": 7})

    @pytest.mark.parametrize("path", ["/", "/otel"])
    @pytest.mark.parametrize(
        "outcome",
        [
            {"error": {"code": "no", "message": "the secret is 5"}},
            {},
            {"result": "yes"},
            {"result": {"allowed_functions": "f"}},
            {"result": {"allow_function_registration": "no"}},
            {"result": {"function_registration_prefix": "engine::x"}},
        ],
    )
    async def test_anything_else_refuses(
        self, engine: Engine, connect: Any, path: str, outcome: Any
    ) -> None:
        gate = await connect("gate::auth")
        async with door(path=path) as socket:
            (question,) = await gate.transport.receive("invokefunction")
            await gate.answer(question, **outcome)
            frame = await socket.greeting()
            assert (frame["type"], frame["error"]["code"]) == ("error", "AUTH_ERROR")
            assert "secret" not in frame["error"]["message"]
            assert await socket.close_code() == 4401
        assert len(engine.connections) == 1

    @pytest.mark.parametrize("path", ["/", "/otel"])
    async def test_who_comes_before_it_shall_come_back(self, engine: Engine, path: str) -> None:
        async with door(path=path) as socket:
            assert await socket.close_code() == 1012
        assert engine.connections == {}

    async def test_it_has_a_deadline(self, connect: Any) -> None:
        await connect("gate::auth")
        with override_settings(III_AUTH_TIMEOUT_S=0.05):
            async with door() as socket:
                assert await socket.close_code() == 1012

    async def test_its_worker_may_leave_meanwhile(self, connect: Any) -> None:
        gate = await connect("gate::auth")
        async with door() as socket:
            await gate.transport.receive("invokefunction")
            await gate.leave()
            assert await socket.close_code() == 1012

    async def test_frames_wait_for_it(self, engine: Engine, connect: Any) -> None:
        gate = await connect("gate::auth")
        async with door() as socket:
            for number in range(3):
                socket.send({"type": "registerfunction", "id": f"f{number}"})
            socket.send({"type": "ping"})
            (question,) = await gate.transport.receive("invokefunction")
            await gate.answer(question, result={})
            worker_id = (await socket.greeting())["worker_id"]
            assert await socket.frame() == {"type": "pong"}
            engine.connections[worker_id].gate.introduce()
            await eventually(lambda: _is(len(engine.connections[worker_id].function_ids) == 3))

    async def test_they_do_not_wait_without_end(self, connect: Any) -> None:
        await connect("gate::auth")
        with override_settings(III_MAX_FRAME_BYTES=2000):
            async with door() as socket:
                for _ in range(3):
                    socket.send("x" * 1000)
                frame = await socket.greeting()
                assert frame["error"]["code"] == "AUTH_ERROR"
                assert await socket.close_code() == 4401

    async def test_who_leaves_meanwhile_is_forgotten(self, engine: Engine, connect: Any) -> None:
        gate = await connect("gate::auth")
        async with door() as socket:
            (question,) = await gate.transport.receive("invokefunction")
            socket.tell({"type": "websocket.disconnect", "code": 1006})
            await asyncio.wait_for(asyncio.shield(socket.task), 5)
        await gate.answer(question, result={})
        assert len(engine.connections) == 1

    async def test_pages_need_an_origin_that_is_allowed(self, connect: Any) -> None:
        gate = await connect("gate::auth")
        headers = [(b"origin", b"https://evil.example")]
        async with door(headers=headers) as socket:
            assert await socket.close_code() == 4401
        assert gate.invocations == []
        with override_settings(III_ALLOWED_ORIGINS=["https://evil.example"]):
            async with door(headers=headers) as socket:
                await gate.transport.receive("invokefunction")

    async def test_a_token_is_under_both(self, engine: Engine, connect: Any) -> None:
        gate = await connect("gate::auth")
        _, token = await issue(engine, function_registration_prefix="t", context={"a": 1})
        async with door(headers=bearer(token)) as socket:
            (question,) = await gate.transport.receive("invokefunction")
            answer = {"function_registration_prefix": "p", "context": {"b": 2}}
            await gate.answer(question, result=answer)
            session = session_of(engine, (await socket.greeting())["worker_id"])
            assert session.prefix == "p::t::"
            assert session.context == {"a": 1, "b": 2}
            assert len(session.rules) == 2

    async def test_a_revoked_token_is_not_made_good_by_it(
        self, engine: Engine, connect: Any
    ) -> None:
        gate = await connect("gate::auth")
        _, token = await issue(engine, revoked_at=timezone.now())
        async with door(headers=bearer(token)) as socket:
            assert await socket.close_code() == 4401
        assert gate.invocations == []


async def _is(value: bool) -> bool:
    return value


@pytest.mark.usefixtures("engine")
class TestDoors:
    async def test_a_port_serves_workers_only(self) -> None:
        application = TriggerDispatcher(site)
        answer = await request(application, path="/admin/", server=("127.0.0.1", PLAIN))
        assert answer.status == 404
        async with door(port=PLAIN, path="/iii/worker") as socket:
            assert (await socket.event())["type"] == "websocket.close"

    async def test_a_plain_one_is_as_the_main_door(self, engine: Engine) -> None:
        async with door(port=PLAIN, client="127.0.0.1") as socket:
            assert session_of(engine, (await socket.greeting())["worker_id"]).is_open
        async with door(port=PLAIN) as socket:
            assert await socket.close_code() == 4401

    async def test_a_path_on_the_port_of_the_site(self, engine: Engine, connect: Any) -> None:
        gate = await connect("gate::auth")
        async with door(port=8000, path="/iii/worker/partners") as socket:
            (question,) = await gate.transport.receive("invokefunction")
            await gate.answer(question, result={})
            assert not session_of(engine, (await socket.greeting())["worker_id"]).is_open

    @pytest.mark.parametrize("path", ["/iii/worker/nobody", "/iii/worker/partners/x"])
    async def test_there_are_no_others(self, path: str) -> None:
        async with door(port=8000, path=path) as socket:
            assert (await socket.event())["type"] == "websocket.close"

    async def test_a_path_behind_a_router_of_the_site(self, engine: Engine, connect: Any) -> None:
        gate, router = await connect("gate::auth"), URLRouter(websocket_urlpatterns)
        options = {"client": ELSEWHERE, "on_worker_port": False}
        async with Socket(router, path="/iii/worker/partners", **options) as socket:
            (question,) = await gate.transport.receive("invokefunction")
            await gate.answer(question, result={})
            assert not session_of(engine, (await socket.greeting())["worker_id"]).is_open
        async with Socket(router, path="/iii/worker/nobody", **options) as socket:
            assert await socket.close_code() == 4401

    async def test_a_token_may_be_required_on_this_machine(self, engine: Engine) -> None:
        with override_settings(DEBUG=True):
            options = {"port": 8000, "path": "/iii/worker/strict", "client": "127.0.0.1"}
            async with door(**options) as socket:
                assert await socket.close_code() == 4401
            _, token = await issue(engine)
            async with door(**options, headers=bearer(token)) as socket:
                assert (await socket.greeting())["type"] == "workerregistered"

    async def test_rules_without_an_auth_function(self, engine: Engine) -> None:
        _, token = await issue(engine)
        path = "/iii/worker/open-rbac"
        async with door(port=8000, path=path, headers=bearer(token)) as socket:
            rules = session_of(engine, (await socket.greeting())["worker_id"]).rules[0]
            assert rules.restricts_calls
            assert rules.allow_trigger_type_registration


class TestTokens:
    async def test_a_new_one_allows_everything(self, engine: Engine) -> None:
        _, token = await issue(engine)
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            assert session_of(engine, (await socket.greeting())["worker_id"]).is_open

    async def test_rules_are_those_of_its_row(self, engine: Engine) -> None:
        rules = {"restrict_calls": True, "expose_functions": ['match("public::*")']}
        _, token = await issue(engine, **rules)
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            await socket.greeting()
            socket.send({"type": "invokefunction", "function_id": "f", "invocation_id": "i"})
            assert (await socket.frame())["error"]["code"] == "FORBIDDEN"

    async def test_one_that_cannot_be_read_opens_nothing(self, engine: Engine) -> None:
        _, token = await issue(engine, expose_functions=["*"])
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            assert await socket.close_code() == 4401

    @pytest.mark.parametrize("path", ["/", "/otel"])
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"revoked_at": timezone.now()}, 4401),
            ({"expires_at": timezone.now()}, 4401),
            ({"restrict_calls": True}, 1012),
            ({"expose_functions": ["*"]}, 4401),
            (None, 4401),
        ],
    )
    async def test_a_change_ends_its_connections(
        self, engine: Engine, path: str, change: Any, code: int
    ) -> None:
        row, token = await issue(engine)
        async with (
            door(port=PLAIN, path=path, headers=bearer(token)) as socket,
            door(port=PLAIN, client="127.0.0.1") as other,
        ):
            await other.greeting()
            assert (await socket.event())["type"] == "websocket.accept"
            await eventually(lambda: _is(len(engine.tokens._held) == 1))
            await engine.refresh()
            await engine.database.run(_change, row, change)
            await engine.refresh()
            assert await socket.close_code() == code
            await other.pong()

    async def test_a_new_name_ends_nothing(self, engine: Engine) -> None:
        row, token = await issue(engine)
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            await socket.greeting()
            await engine.database.run(_change, row, {"name": "another"})
            await engine.refresh()
            await socket.pong()

    async def test_running_out_is_noticed_soon(self, engine: Engine) -> None:
        row, token = await issue(engine)
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            await socket.greeting()
            # No signal, as when time passes.
            change = WorkerToken.objects.filter(pk=row.pk).update
            await engine.database.run(lambda: change(expires_at=timezone.now()))
            await engine._look()
            assert await socket.close_code() == 4401

    async def test_an_ended_connection_is_not_watched(self, engine: Engine) -> None:
        _, token = await issue(engine)
        async with door(port=PLAIN, headers=bearer(token)) as socket:
            await socket.greeting()
        assert engine.tokens._held == set()


def _change(row: WorkerToken, change: dict[str, Any] | None) -> None:
    if change is None:
        row.delete()
        return
    for name, value in change.items():
        setattr(row, name, value)
    row.save()
