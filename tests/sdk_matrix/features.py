"""The scenario: one function for each column of the table; it raises when something is wrong.

What a version does not offer is left to eras.py; nothing here catches a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.eventually import eventually
from tests.e2e.stream_clients import StreamClient
from tests.e2e.workers import CallFailed

from .subject import Subject

PIECE = bytes(range(256)) * 512


def connect(subject: Subject) -> None:
    """The worker is known by its name, and has the parts the table of offers says it has."""
    # A first call may leave the SDK before its registration does.
    eventually(lambda: subject.worker.do("list_workers"), lambda names: subject.name in names)
    subject.offers = subject.worker.do("offers")
    for part, has in subject.offers.items():
        assert has != bool(subject.era.lacks(part)), f"the SDK has {part}: {has}"


def functions(subject: Subject) -> None:
    """Functions run for their own worker, answer, are called without waiting, and go."""
    worker, echo = subject.worker, subject.offer("greet", "greet")
    assert worker.call(echo, {"name": "Ada"}) == {"message": "Hello, Ada!"}
    noting = subject.offer("note", "note")
    worker.do("call_void", function_id=noting, data={"n": 1})
    assert subject.heard(noting)["n"] == 1
    assert worker.call(noting, None) is None
    assert subject.heard(noting) is None
    if not subject.era.lacks("unregister_function"):
        subject.undo(subject.offer("gone", "greet"))
        assert _failure(subject, subject.id("gone"), {}).code == "function_not_found"


def http(subject: Subject) -> None:
    """A route runs its function; status, headers, body, parameters and its end are right."""
    path = f"{subject.name}/made/:id"
    config = {"api_path": path, "http_method": "POST"}
    described = subject.offer("describe", "describe")
    key = subject.bind(subject.era.http, described, **config)
    answer = subject.answers("made/7?q=a", {"n": 1}, lambda answer: answer.status == 200)
    assert answer.body["path_params"] == {"id": "7"}
    assert answer.body["query_params"] == {"q": "a"}
    assert answer.body["body"] == {"n": 1}
    subject.undo(key)
    subject.answers("made/7", {}, lambda answer: answer.status == 404)
    responding = {"api_path": f"{subject.name}/respond", "http_method": "POST"}
    subject.bind(subject.era.http, subject.offer("respond", "respond"), **responding)
    answer = subject.answers("respond", {"n": 2}, lambda answer: answer.status == 201)
    assert answer.body == {"made": {"n": 2}}
    assert answer.headers["x-greeting"] == "yes"


def queue(subject: Subject) -> None:
    """A published message arrives as it is; a call can be queued and gets a receipt."""
    kind, publish = subject.era.subscriber
    heard = subject.offer("queued", "note")
    subject.bind(kind, heard, topic=subject.id("orders"))
    topic = {"topic": subject.id("orders"), "data": {"order": 1}}
    assert subject.worker.call(publish, topic) is None
    assert subject.heard(heard) == {"order": 1}
    if not subject.era.lacks("enqueue"):
        call = {"function_id": heard, "data": {"order": 2}, "queue": "default"}
        assert set(subject.worker.do("enqueue", **call)) == {"messageReceiptId"}
        assert subject.heard(heard) == {"order": 2}


def cron(subject: Subject) -> None:
    """A schedule fires each second, with the time it was due."""
    heard = subject.offer("ticked", "note")
    key = subject.bind("cron", heard, expression="* * * * * *")
    firing = subject.heard(heard)
    subject.undo(key)
    assert firing["trigger"] == "cron"
    assert firing["scheduled_time"].endswith("+00:00")


def pubsub(subject: Subject) -> None:
    """What is published reaches every subscription, and no longer than it lasts."""
    ids = [subject.offer(f"news{number}", "note") for number in (1, 2)]
    keys = [subject.bind("subscribe", one, topic=subject.id("news")) for one in ids]
    subject.worker.call("publish", {"topic": subject.id("news"), "data": "one"})
    assert [subject.heard(one) for one in ids] == ["one", "one"]
    subject.undo(keys[0])
    subject.worker.call("publish", {"topic": subject.id("news"), "data": "two"})
    assert subject.heard(ids[1]) == "two"
    assert not subject.worker.events("noted", function_id=ids[0])


def state(subject: Subject) -> None:
    """The state keeps, changes, lists and forgets, and its triggers hear of it."""
    call, scope = _family(subject, "state"), {"scope": subject.id("scope")}
    item = {**scope, "key": "a"}
    heard = subject.offer("changed", "note")
    subject.bind("state", heard, **scope)
    assert call("get", item) is None
    assert call("set", {**item, "value": {"n": 1}}) == _change(None, {"n": 1})
    assert subject.heard(heard)["event_type"] == "state:created"
    ops = [{"type": "increment", "path": "n", "by": 2}]
    assert call("update", {**item, "ops": ops}) == _change({"n": 1}, {"n": 3})
    assert subject.heard(heard)["new_value"] == {"n": 3}
    assert call("list", scope) == [{"n": 3}]
    assert call("delete", item) == {"n": 3}
    assert call("get", item) is None
    if subject.era.has_key_value_server:
        index = {"index": subject.id("index"), "key": "a"}
        subject.worker.call("kv_server::set", {**index, "value": {"n": 1}})
        assert subject.worker.call("kv_server::get", index) == {"n": 1}


def stream(subject: Subject) -> None:
    """Items reach clients and triggers; a store of the worker takes the place of ours."""
    call = _family(subject, "stream")
    for name in (subject.id("live"), subject.id("own")):
        item = {"stream_name": name, "group_id": "g", "item_id": "a"}
        group = {key: item[key] for key in ("stream_name", "group_id")}
        heard = subject.offer(f"heard.{name}", "note")
        subject.bind("stream", heard, stream_name=name)
        if name == subject.id("own"):
            subject.worker.do("create_stream", stream_name=name)
            subject.settle()
        with StreamClient(subject.engine.stream_url) as client:
            assert client.joined(name) == []
            assert call("set", {**item, "data": {"n": 1}}) == _change(None, {"n": 1})
            assert client.event() == {"type": "create", "data": {"n": 1}}
            assert client.joined(name, id_="again") == [{"n": 1}]
        assert subject.heard(heard)["event"] == {"type": "create", "data": {"n": 1}}
        ops = [{"type": "set", "path": "", "value": {"n": 2}}]
        assert call("update", {**item, "ops": ops}) == _change({"n": 1}, {"n": 2})
        assert call("get", item) == {"n": 2}
        assert call("list", group) == [{"n": 2}]
        call("delete", item)
        assert call("get", item) is None


def types(subject: Subject) -> None:
    """Triggers of a type of the worker's own reach it, fire, and it can go."""
    worker, kind = subject.worker, subject.id("custom")
    worker.do("register_trigger_type", type_id=kind, description="A type of the worker's own")
    heard = subject.offer("custom.heard", "note")
    subject.bind(kind, heard, channel="#general")
    added = worker.event("trigger_added", function_id=heard)
    assert added["config"] == {"channel": "#general"}
    worker.do("fire", payload={"n": 1})
    assert subject.heard(heard)["n"] == 1
    subject.undo(kind)


def channels(subject: Subject) -> None:
    """Bytes and texts go through a channel, and the body of a request through one too."""
    collect = subject.offer("collect", "collect")
    through = subject.worker.do("stream_to", function_id=collect)
    assert through == {"size": len(PIECE), "sum": sum(PIECE), "texts": ["begin"]}
    subject.bind("http", collect, api_path=f"{subject.name}/collect", http_method="POST")
    answer = subject.answers("collect", {"n": 1}, lambda answer: answer.status == 200)
    assert answer.body["size"] > 0


def external(subject: Subject) -> None:
    """A function that is an HTTP request of the engine answers what the other end says."""
    function_id = subject.id("external")
    subject.worker.do("register_http_function", function_id=function_id, url=subject.external_url)
    subject.settle()
    answer = subject.worker.call(function_id, {"n": 1})
    assert answer["function"] == function_id
    assert answer["body"]["n"] == 1


def introspection(subject: Subject) -> None:
    """Functions, triggers and their types are listed the way this version reads them."""
    worker, era = subject.worker, subject.era
    mine = subject.offer("listed", "greet")
    subject.bind(era.http, mine, api_path=f"{subject.name}/listed")
    assert mine in worker.do("list_functions")
    if not era.lacks("list_triggers"):
        assert ["http", mine] in worker.do("list_triggers")
    if not era.lacks("list_trigger_types"):
        assert "http" in worker.do("list_trigger_types")
    if not era.lacks("watch_functions"):
        _watch(subject)
    if era.has_discovery:
        _discover(subject, mine)


def errors(subject: Subject) -> None:
    """A failed call carries the code and the message, whatever failed."""
    unknown = _failure(subject, subject.id("nobody"), {})
    assert unknown.code == "function_not_found"
    assert "not found" in unknown.message
    failing = subject.offer("fail", "fail")
    failed = _failure(subject, failing, {})
    assert failed.code == "invocation_failed"
    assert "no greeting today" in failed.message
    wrong = _failure(subject, subject.era.id("state", "get"), {"scope": 1})
    assert wrong.code == "deserialization_error"
    config = {"api_path": f"{subject.name}/fail", "http_method": "POST"}
    subject.bind(subject.era.http, failing, **config)
    answer = subject.answers("fail", {}, lambda answer: answer.status == 500)
    assert answer.body["error"]["code"] == "invocation_failed"
    assert "no greeting today" in answer.body["error"]["message"]


def restart(subject: Subject) -> None:
    """After the engine was started again, the worker is back with its route, without help."""
    greeted = {"message": "Hello, Ada!"}
    subject.answers(
        "kept", {"name": "Ada"}, lambda answer: answer.body == greeted, timeout_s=BACK_S
    )


def keep_route(subject: Subject) -> None:
    """Register the route that ``restart`` looks for."""
    kept = subject.offer("kept", "greet")
    config = {"api_path": f"{subject.name}/kept", "http_method": "POST"}
    subject.bind(subject.era.http, kept, **config)
    subject.answers("kept", {"name": "Ada"}, lambda answer: answer.status == 200)


def _failure(subject: Subject, function_id: str, data: Any) -> CallFailed:
    try:
        answer = subject.worker.call(function_id, data)
    except CallFailed as failed:
        return failed
    raise AssertionError(f"{function_id} answered {answer!r} and should have failed")


def _watch(subject: Subject) -> None:
    subject.worker.do("watch_functions")
    subject.settle()
    new = subject.offer("watched", "greet")
    subject.worker.wait_for(
        lambda line: '"functions"' in line and f'"{new}"' in line, timeout_s=20, what="the new id"
    )


def _discover(subject: Subject, mine: str) -> None:
    call = subject.worker.call
    kinds = call("engine::triggers::list", {})["triggers"]
    assert {"http", "cron", "state", "stream"} <= {row["id"] for row in kinds}
    detail = call("engine::functions::info", {"function_id": mine})
    assert detail["worker_name"] == subject.name
    assert [row["trigger_type"] for row in detail["registered_triggers"]] == ["http"]
    rows = call("engine::registered-triggers::list", {"function_id": mine})["registered_triggers"]
    assert [row["config"]["api_path"] for row in rows] == [f"{subject.name}/listed"]
    info = call("engine::workers::info", {"name": subject.name})
    assert info["worker"]["version"] == subject.era.sdk.version


def _family(subject: Subject, family: str) -> Callable[[str, dict[str, Any]], Any]:
    return lambda name, data: subject.worker.call(subject.era.id(family, name), data)


def _change(old: Any, new: Any) -> dict[str, Any]:
    return {"old_value": old, "new_value": new}


BACK_S = 45.0  # the SDKs wait 1, 2, 4, 8 ... s, give or take 30 %, between their attempts
FEATURES: dict[str, Callable[[Subject], None]] = {
    one.__name__: one
    for one in (
        connect,
        functions,
        http,
        queue,
        cron,
        pubsub,
        state,
        stream,
        types,
        channels,
        external,
        introspection,
        errors,
        restart,
    )
}
