"""Streams of the published SDKs, unmodified, on a running engine with real stream clients."""

from __future__ import annotations

from typing import Any

import pytest

from .engines import Engine
from .stream_clients import StreamClient
from .test_published_sdks import bind, offer
from .workers import Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]


def item_of(worker: Worker, what: str, item_id: str = "a") -> dict[str, Any]:
    return {"stream_name": f"{worker.name}.{what}", "group_id": "g", "item_id": item_id}


def test_items_live_in_the_store_of_the_engine(worker: Worker) -> None:
    item = item_of(worker, "own")
    group = {key: item[key] for key in ("stream_name", "group_id")}
    first = worker.call("stream::set", {**item, "data": {"n": 1}})
    assert first == {"old_value": None, "new_value": {"n": 1}}
    ops = [{"type": "increment", "path": "n", "by": 2}]
    updated = worker.call("stream::update", {**item, "ops": ops})
    assert updated == {"old_value": {"n": 1}, "new_value": {"n": 3}}
    assert worker.call("stream::get", item) == {"n": 3}
    assert worker.call("stream::list", group) == [{"n": 3}]
    assert worker.call("stream::list_groups", {"stream_name": item["stream_name"]}) == ["g"]
    every = worker.call("stream::list_all", {})
    assert {"id": item["stream_name"], "groups": ["g"]} in every["stream"]
    assert worker.call("stream::send", {**group, "type": "x", "data": None}) is None
    assert worker.call("stream::delete", item) == {"old_value": {"n": 3}}
    assert worker.call("stream::get", item) is None


def test_clients_and_triggers_hear_what_a_worker_does(
    engine: Engine, worker: Worker, partner: Worker
) -> None:
    item = item_of(worker, "live")
    heard = offer(partner, "note", suffix=f".live.for.{worker.name}")
    bind(partner, heard, kind="stream", stream_name=item["stream_name"])
    with StreamClient(engine.stream_url) as client:
        assert client.joined(item["stream_name"]) == []
        worker.call("stream::set", {**item, "data": {"n": 1}})
        frame = client.frame()
    assert frame["event"] == {"type": "create", "data": {"n": 1}}
    assert partner.event("noted", function_id=heard)["input"] == frame


def test_listeners_hear_clients_come_and_go(engine: Engine, worker: Worker) -> None:
    name = f"{worker.name}.rooms"
    keys = []
    for kind in ("stream:join", "stream:leave"):
        keys.append(bind(worker, offer(worker, "note", suffix=f".{kind}"), kind=kind))
    with StreamClient(engine.stream_url) as client:
        client.joined(name, "lobby", id_="mine")
    for kind in ("stream:join", "stream:leave"):
        noted = worker.event("noted", function_id=f"{worker.name}.note.{kind}")
        assert noted["input"] == {
            "subscription_id": "mine",
            "stream_name": name,
            "group_id": "lobby",
            "id": None,
            "context": None,
        }
    for key in keys:
        worker.do("undo", key=key)
    worker.do("list_functions")


def test_a_store_of_the_worker_takes_the_place_of_ours(
    engine: Engine, worker: Worker, partner: Worker
) -> None:
    item = item_of(worker, "custom")
    name = item["stream_name"]
    worker.do("create_stream", stream_name=name)
    worker.do("list_functions")
    with StreamClient(engine.stream_url) as client:
        assert client.joined(name) == []
        first = partner.call("stream::set", {**item, "data": {"n": 1}})
        assert first == {"old_value": None, "new_value": {"n": 1}}
        assert client.event() == {"type": "create", "data": {"n": 1}}
        assert client.joined(name, id_="again") == [{"n": 1}]
        assert client.joined(name, id_="one", id="a") == {"n": 1}
    assert partner.call("stream::get", item) == {"n": 1}
    assert partner.call("stream::list_groups", {"stream_name": name}) == ["g"]
    ops = [{"type": "set", "path": "", "value": {"n": 2}}]
    updated = partner.call("stream::update", {**item, "ops": ops})
    assert updated == {"old_value": {"n": 1}, "new_value": {"n": 2}}
    assert partner.call("stream::delete", item) == {"old_value": {"n": 2}}
    assert partner.call("stream::get", item) is None
    assert not [one for one in partner.call("stream::list_all", {})["stream"] if one["id"] == name]
