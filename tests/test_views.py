"""The doors inside Django give the answers of the ASGI door (design, section 5)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory, override_settings

from iii_project.asgi import application
from iii_triggers.channels import ChannelReader, respond
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions, trigger
from iii_triggers.engine.process import get_engine, process_engine
from tests.support.asgi import Answer, request
from tests.support.http import without_channels
from tests.support.site import declare

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
TEXT = {"content-type": "text/plain"}


def fail(data: Any) -> None:
    raise ValueError("broken")


def full(data: Any) -> Any:
    headers = ["set-cookie: a=1; Path=/", "set-cookie: b=2; HttpOnly", "x-a: 1", "x-a: 2"]
    return {"status_code": 201, "headers": headers, "body": {"made": True}}


def declare_routes(site: SiteFunctions) -> None:
    """Declare a function for every kind of answer."""

    def http(path: str, method: str = "GET", **config: Any) -> Any:
        return trigger("http", api_path=path, http_method=method, **config)

    async def wait(data: Any) -> None:
        await asyncio.Event().wait()

    def echo(data: Any) -> Any:
        # What lies between the client and the door differs, and is the server's business.
        headers = sorted(set(data["headers"]) - {"host", "content-length"})
        return {**without_channels(data), "headers": headers}

    routes = [http("echo"), http("echo", "POST", max_body_bytes=20), http("items/:id/:rest")]
    declare(site, "echo", echo, triggers=routes)
    declare(site, "fail", fail, triggers=[http("fail")])
    declare(site, "full", full, triggers=[http("full", allow_set_cookie=True)])
    declare(site, "none", lambda data: None, triggers=[http("none")])
    declare(site, "object", lambda data: object(), triggers=[http("object")])
    declare(
        site,
        "text",
        lambda data: {"status_code": 200, "headers": {"content-type": "text/x"}, "body": "é"},
        triggers=[http("text")],
    )
    declare(site, "wait", wait, triggers=[http("wait", timeout_ms=10)])
    declare(
        site,
        "stream",
        lambda data: respond(data, [b"one", b"", b"two"], headers={"content-type": "text/csv"}),
        triggers=[http("stream")],
    )
    declare(
        site,
        "size",
        lambda data: len(ChannelReader(data["request_body"]).read()),
        triggers=[http("size", "POST")],
    )
    declare(site, "never", lambda data: False)
    declare(site, "c", echo, triggers=[http("condition", condition_function_id="never")])
    declare(site, "d", echo, triggers=[http("gone", condition_function_id="not-there")])


@dataclass
class Ask:
    """A request of the table."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


TABLE = [
    Ask("GET", "/echo", 200),
    Ask("GET", "/echo?a=1&b=%C3%A9+x&a=2&c", 200),
    Ask("GET", "/echo", 200, {"x-one": "1", "cookie": "sessionid=1", "accept": "*/*"}),
    Ask("GET", "/items/1/two", 200),
    Ask("GET", "/items/a%20b/%C3%A9", 200),
    Ask("GET", "/items/a+b/100%25", 200),
    Ask("GET", "/items/%2541/a:b@c;d,e", 200),
    Ask("GET", "/items/a%0Ab/c%0A", 200),
    Ask("GET", "/items/a%3Fb/c%23d", 200),
    Ask("POST", "/echo", 200, JSON, b'{"n":1}'),
    Ask("POST", "/echo", 200, FORM, b"a=1&b=2"),
    Ask("POST", "/echo", 200, TEXT, "é".encode()),
    Ask("POST", "/echo", 200),
    Ask("POST", "/echo", 400, JSON, b"{"),
    Ask("POST", "/echo", 200, {"content-type": "image/png"}, b"x"),
    Ask("POST", "/echo", 415, {"content-type": "text/plain; charset=utf-7"}, b"x"),
    Ask("POST", "/echo", 413, TEXT, b"x" * 21),
    Ask("POST", "/echo", 413, {"content-type": "image/png"}, b"x" * 21),
    Ask("POST", "/echo", 413, FORM, b"x" * 21),
    Ask("PUT", "/echo", 405, JSON, b"{}"),
    Ask("DELETE", "/items/1/2", 405),
    Ask("HEAD", "/echo", 200),
    Ask("HEAD", "/fail", 500),
    Ask("OPTIONS", "/echo", 204),
    Ask(
        "OPTIONS",
        "/echo",
        204,
        {"origin": "https://a.example", "access-control-request-method": "POST"},
    ),
    Ask("GET", "/echo", 200, {"origin": "https://a.example"}),
    Ask("GET", "/full", 201),
    Ask("GET", "/none", 204),
    Ask("GET", "/text", 200),
    Ask("GET", "/stream", 200),
    Ask("HEAD", "/stream", 200),
    Ask("POST", "/size", 200, {"content-type": "image/png"}, b"x" * 300_000),
    Ask("POST", "/size", 200, {"content-type": "image/png"}),
    Ask("POST", "/size", 200, JSON, b'{"n": 1}'),
    Ask("GET", "/fail", 500),
    Ask("GET", "/object", 500),
    Ask("GET", "/wait", 504),
    Ask("GET", "/condition", 422),
    Ask("GET", "/gone", 503),
]


@pytest.fixture(scope="module")
def routes() -> SiteFunctions:
    site = SiteFunctions()
    declare_routes(site)
    return site


@pytest.fixture
def background(transactional_db: None, quiet: None, routes: SiteFunctions) -> Iterator[Engine]:
    """An engine in a thread, as under WSGI."""
    process_engine.replace(Engine(site=routes))
    engine = process_engine.start_in_background()
    with override_settings(III_CORS_ALLOWED_ORIGINS=["https://a.example"]):
        yield engine
    assert engine.loop is not None
    loop = engine.loop
    asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    process_engine.replace(None)


def on_engine(engine: Engine, work: Any) -> Any:
    assert engine.loop is not None
    return asyncio.run_coroutine_threadsafe(work, engine.loop).result(10)


def through_dispatcher(engine: Engine, ask: Ask) -> Answer:
    work = request(
        application, ask.method, f"/iii/http{ask.path}", headers=ask.headers, body=ask.body
    )
    answer: Answer = on_engine(engine, work)
    return answer


def through_asgi_view(engine: Engine, ask: Ask) -> Answer:
    """Django's own ASGI handler: nothing of ours before the view."""
    work = request(
        get_asgi_application(),
        ask.method,
        f"/iii/http{ask.path}",
        headers=ask.headers,
        body=ask.body,
    )
    answer: Answer = on_engine(engine, work)
    return answer


def through_wsgi_view(engine: Engine, ask: Ask) -> Answer:
    headers = {k: v for k, v in ask.headers.items() if k != "content-type"}
    response = Client().generic(
        ask.method,
        f"/iii/http{ask.path}",
        ask.body,
        content_type=ask.headers.get("content-type", ""),
        headers=headers,
    )
    lines = [(k.lower().encode(), v.encode("latin-1")) for k, v in response.headers.items()]
    cookies = [
        (b"set-cookie", morsel.OutputString().encode()) for morsel in response.cookies.values()
    ]
    return Answer(response.status_code, lines + cookies, response.getvalue())


def comparable(answer: Answer) -> tuple[int, Any]:
    """The answer without what differs from call to call."""
    body: Any = answer.body
    if answer.header("content-type") == "application/json" and body:
        body = json.loads(body)
        if answer.status >= 400:
            assert body["error"].pop("error_id")
    return answer.status, body


@pytest.mark.parametrize("door", [through_asgi_view, through_wsgi_view], ids=["asgi", "wsgi"])
@pytest.mark.parametrize("ask", TABLE, ids=str)
def test_every_door_gives_the_same_answer(background: Engine, ask: Ask, door: Any) -> None:
    expected, answer = through_dispatcher(background, ask), door(background, ask)
    assert expected.status == ask.status
    assert comparable(answer) == comparable(expected)
    names = {name.decode() for name, _ in expected.headers} - {"content-length", "vary"}
    assert {name: answer.header(name) for name in names} == {
        name: expected.header(name) for name in names
    }
    for value in filter(None, (expected.header("vary") or "").split(", ")):
        assert value in (answer.header("vary") or "").lower()
    if ask.status < 400 and expected.header("content-length") is not None:
        assert answer.header("content-length") == expected.header("content-length")


@pytest.mark.parametrize(
    "cookie",
    [
        "a=1; Path=/; Invented",
        # To Python this is a second cookie, and the rest belongs to it.
        "a=1; Invented=High; HttpOnly; Secure",
        "a=one two; Secure",
        "a@b=1; Secure",
    ],
)
def test_a_cookie_with_an_attribute_that_python_does_not_know_is_sent_as_it_is(
    background: Engine, routes: SiteFunctions, cookie: str
) -> None:
    headers = {"set-cookie": cookie}
    function = declare(routes, "full", lambda data: {"status_code": 200, "headers": headers})
    on_engine(background, _replace(background, function))
    answer = through_wsgi_view(background, Ask("GET", "/full", 200))
    declare_routes(routes)
    assert answer.header("set-cookie") == cookie


async def _replace(engine: Engine, function: Any) -> None:
    engine.functions.add_local(function)


def test_a_path_without_a_trigger_is_the_sites_404(background: Engine, client: Client) -> None:
    assert client.get("/iii/http/unknown").status_code == 404


def test_a_client_without_a_csrf_token_may_post(background: Engine) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/iii/http/echo", {"n": 1}, content_type="application/json")
    assert response.status_code == 200


def test_health_tells_that_the_process_answers(background: Engine, client: Client) -> None:
    assert client.get("/iii/healthz").json() == {"status": "ok"}
    assert client.post("/iii/healthz").status_code == 405


def test_readiness_follows_the_engine(background: Engine, client: Client) -> None:
    assert client.get("/iii/readyz").json() == {"status": "ready"}
    background.draining = True
    response = client.get("/iii/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "draining"})
    background.draining = False


def test_a_process_without_a_server_gets_ready_when_asked(
    transactional_db: None, quiet: None, client: Client
) -> None:
    process_engine.replace(None)
    response = client.get("/iii/readyz")
    engine = get_engine()
    assert (response.status_code, response.json()) == (200, {"status": "ready"})
    loop = engine.loop
    assert loop is not None
    asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    process_engine.replace(None)


def test_a_slow_upload_keeps_nobody_else_waiting(background: Engine) -> None:
    """Under WSGI reading a body blocks: not the loop that serves everybody."""
    arrived, done = threading.Event(), threading.Event()

    class SlowBody(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            arrived.set()
            assert done.wait(10)
            return super().read(size)

    def upload() -> None:
        environ = RequestFactory()._base_environ(
            PATH_INFO="/iii/http/echo", REQUEST_METHOD="POST", CONTENT_LENGTH="2"
        )
        environ["CONTENT_TYPE"] = "application/json"
        environ["wsgi.input"] = SlowBody(b"{}")
        answers.append(WSGIHandler()(environ, lambda *_: None).status_code)

    answers: list[int] = []
    uploader = threading.Thread(target=upload)
    uploader.start()
    assert arrived.wait(10)
    response = Client().post("/iii/http/echo", {"n": 1}, content_type="application/json")
    assert response.status_code == 200
    done.set()
    uploader.join(10)
    assert answers == [200]
