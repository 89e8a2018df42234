"""The doors of the ASGI application (design, section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.asgi import TriggerDispatcher
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.engine.trigger_values import Trigger
from tests.support.asgi import Answer, Socket, request
from tests.support.site import declare


class Behind:
    """The site's own application: notes the scopes that fall through."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        message = await receive()
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body", "body": message["body"]})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4299})


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def application(engine: Engine, behind: Behind) -> TriggerDispatcher:
    return TriggerDispatcher(behind, doors={3111: "http", 49134: "worker"})


@pytest.fixture
def route(engine: Engine, runner: Any) -> None:
    """Serve /x."""
    engine.functions.add_local(declare(engine.site, "f", lambda data: data["path"]))
    trigger = Trigger(
        id="t", trigger_type="http", function_id="f", config={"api_path": "x"}, source="admin"
    )
    runner.run(engine.triggers.register(trigger))


async def test_the_sites_port_serves_triggers_below_the_prefix(
    application: TriggerDispatcher, behind: Behind, route: None
) -> None:
    answer = await request(application, "GET", "/iii/http/x")
    assert (answer.status, answer.json()) == (200, "/x")
    assert behind.scopes == []


@pytest.mark.parametrize(
    "path", ["/", "/x", "/iii/http", "/iii/http/", "/iii/http/y", "/iii/httpx/x", "/admin/"]
)
async def test_what_is_no_trigger_falls_through_untouched(
    application: TriggerDispatcher, behind: Behind, route: None, path: str
) -> None:
    answer = await request(application, "GET", path, body=b"body")
    assert (answer.status, answer.body) == (299, b"body")
    assert behind.scopes[0]["raw_path"] == path.encode()


async def test_the_prefix_is_the_sites_choice(application: TriggerDispatcher, route: None) -> None:
    with override_settings(III_HTTP_PREFIX=""):
        assert (await request(application, "GET", "/x")).status == 200
        assert (await request(application, "GET", "/iii/http/x")).status == 299
    with override_settings(III_HTTP_PREFIX="/api"):
        assert (await request(application, "GET", "/api/x")).status == 200


async def test_the_trigger_port_serves_triggers_and_nothing_else(
    application: TriggerDispatcher, behind: Behind, route: None
) -> None:
    port = ("engine", 3111)
    assert (await request(application, "GET", "/x", server=port)).status == 200
    for path in ("/admin/", "/iii/http/x"):
        answer = await request(application, "GET", path, server=port)
        assert (answer.status, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert behind.scopes == []


async def test_the_worker_port_serves_no_pages(
    application: TriggerDispatcher, behind: Behind, route: None
) -> None:
    for path in ("/x", "/iii/http/x", "/admin/"):
        assert (await request(application, "GET", path, server=("e", 49134))).status == 404
    assert behind.scopes == []


async def test_a_server_without_ports_is_the_sites(
    application: TriggerDispatcher, route: None
) -> None:
    assert (await request(application, "GET", "/iii/http/x", server=None)).status == 200


async def test_a_server_without_raw_paths_will_do(
    application: TriggerDispatcher, route: None
) -> None:
    async def without_raw_path(scope: Any, receive: Any, send: Any) -> None:
        del scope["raw_path"]
        await application(scope, receive, send)

    answer: Answer = await request(without_raw_path, "GET", "/iii/http/x")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "server"),
    [("/", ("e", 49134)), ("/iii/worker", None), ("/iii/worker/", ("e", 8000))],
)
async def test_workers_are_taken_on_their_port_and_on_the_sites(
    application: TriggerDispatcher, engine: Engine, path: str, server: Any
) -> None:
    with override_settings(DEBUG=True):
        async with Socket(application, path=path, server=server, on_worker_port=False) as socket:
            assert (await socket.greeting())["type"] == "workerregistered"


async def test_on_the_sites_port_a_worker_needs_a_token_unless_debugging(
    application: TriggerDispatcher, engine: Engine
) -> None:
    async with Socket(application, path="/iii/worker", on_worker_port=False) as socket:
        assert (await socket.greeting())["type"] == "error"
        assert await socket.close_code() == 4401


@pytest.mark.parametrize(
    ("path", "server"), [("/otel", ("e", 49134)), ("/iii/worker/otel", ("e", 8000))]
)
async def test_telemetry_is_taken_beside_them(
    application: TriggerDispatcher, engine: Engine, path: str, server: Any
) -> None:
    async with Socket(application, path=path, server=server) as socket:
        assert (await socket.event())["type"] == "websocket.accept"


@pytest.mark.parametrize(
    ("path", "server"),
    [("/other", ("e", 49134)), ("/iii/worker/other", ("e", 8000)), ("/", ("e", 3111))],
)
async def test_other_sockets_of_ours_are_closed(
    application: TriggerDispatcher, behind: Behind, path: str, server: Any
) -> None:
    async with Socket(application, path=path, server=server) as socket:
        assert (await socket.event())["type"] == "websocket.close"
    assert behind.scopes == []


async def test_other_sockets_fall_through(application: TriggerDispatcher) -> None:
    async with Socket(application, path="/chat", server=("e", 8000)) as socket:
        assert await socket.close_code() == 4299


async def test_other_kinds_of_connection_fall_through(
    application: TriggerDispatcher, behind: Behind
) -> None:
    async def receive() -> Any:
        return {}

    await application({"type": "channel"}, receive, receive)
    assert behind.scopes == [{"type": "channel"}]


async def test_the_lifespan_starts_and_stops_the_engine(
    transactional_db: None, quiet: None
) -> None:
    application = TriggerDispatcher(Behind())
    process_engine.replace(Engine())
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    seen: list[Any] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        seen.append((event["type"], process_engine.get().is_running))

    await application({"type": "lifespan"}, receive, send)
    process_engine.replace(None)
    assert seen == [("lifespan.startup.complete", True), ("lifespan.shutdown.complete", False)]


async def test_an_engine_that_cannot_start_stops_the_server(
    transactional_db: None, quiet: None, caplog: pytest.LogCaptureFixture
) -> None:
    application = TriggerDispatcher(Behind())
    process_engine.replace(Engine())
    seen: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(event: Any) -> None:
        seen.append(event)

    with override_settings(III_TRIGGER_TYPES=["not.there"]):
        await application({"type": "lifespan"}, receive, send)
    process_engine.replace(None)
    assert seen[0]["type"] == "lifespan.startup.failed"
    assert "not" in seen[0]["message"]


async def test_an_engine_that_could_not_start_is_started_by_the_next_connection(
    transactional_db: None, quiet: None
) -> None:
    process_engine.replace(Engine())
    application = TriggerDispatcher(Behind())
    with override_settings(III_TRIGGER_TYPES=["not.there"]), pytest.raises(ImportError):
        await request(application, "GET", "/")
    assert (await request(application, "GET", "/")).status == 299
    await process_engine.get().stop()
    process_engine.replace(None)
