"""State, the key-value server and configurations through published SDKs, unmodified."""

from __future__ import annotations

import pytest

from .environments import SDKS
from .test_published_sdks import bind, offer
from .workers import CallFailed, Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

NEWEST = [one for one in SDKS if one.name in ("python_0_25", "node_0_22")]


def test_a_value_is_set_read_updated_listed_and_deleted(worker: Worker) -> None:
    item = {"scope": f"{worker.name}.state", "key": "k"}
    assert worker.call("state::get", item) is None
    value = {"name": "Ada", "tags": ["a"], "n": 1}
    written = worker.call("state::set", {**item, "value": value})
    assert written == {"old_value": None, "new_value": value}
    ops = [
        {"type": "increment", "path": "n", "by": 2},
        {"type": "append", "path": ["tags"], "value": "b"},
        {"type": "merge", "path": ["deep", "er"], "value": {"x": None}},
        {"type": "increment", "path": "name", "by": 1},
    ]
    updated = worker.call("state::update", {**item, "ops": ops})
    new = {"name": "Ada", "tags": ["a", "b"], "n": 3, "deep": {"er": {"x": None}}}
    assert (updated["old_value"], updated["new_value"]) == (value, new)
    assert [(one["op_index"], one["code"]) for one in updated["errors"]] == [
        (3, "increment.not_number")
    ]
    assert worker.call("state::list", {"scope": item["scope"]}) == [new]
    assert item["scope"] in worker.call("state::list_groups", {})["groups"]
    assert worker.call("state::delete", item) == new
    assert worker.call("state::get", item) is None


def test_a_change_runs_the_function_of_another_worker(worker: Worker, partner: Worker) -> None:
    scope = f"{worker.name}.watched"
    function_id = offer(partner, "note", suffix=f".{scope}")
    bind(partner, function_id, kind="state", scope=scope, key="k")
    worker.call("state::set", {"scope": scope, "key": "other", "data": 1})
    worker.call("state::set", {"scope": scope, "key": "k", "data": {"n": 1}})
    worker.call("state::delete", {"scope": scope, "key": "k"})
    told = [partner.event("noted", function_id=function_id)["input"] for _ in range(2)]
    about = {"type": "state", "scope": scope, "key": "k"}
    assert told == [
        {**about, "event_type": "state:created", "old_value": None, "new_value": {"n": 1}},
        {**about, "event_type": "state:deleted", "old_value": {"n": 1}, "new_value": None},
    ]


def test_input_that_is_wrong_is_told_with_its_code(worker: Worker) -> None:
    with pytest.raises(CallFailed, match="Failed to deserialize input for state::set") as failed:
        worker.call("state::set", {"scope": "s"})
    assert failed.value.code == "deserialization_error"


def test_the_key_value_server_of_the_oldest_sdks(worker: Worker) -> None:
    item = {"index": f"{worker.name}.kv", "key": "k"}
    worker.call("kv_server::set", {**item, "value": {"n": 1}})
    assert worker.call("kv_server::get", item) == {"n": 1}
    assert worker.call("kv_server::list", {"index": item["index"]}) == [{"n": 1}]
    assert worker.call("kv_server::list_keys_with_prefix", {"prefix": item["index"]}) == [
        item["index"]
    ]
    worker.call("kv_server::delete", item)
    assert worker.call("kv_server::get", item) is None


@pytest.mark.parametrize("sdk", NEWEST, ids=lambda sdk: sdk.name)
def test_a_configuration_is_registered_set_and_told(worker: Worker, partner: Worker) -> None:
    id_ = f"{worker.name}-mail".lower().replace(".", "-")
    function_id = offer(partner, "note", suffix=f".{id_}")
    bind(partner, function_id, kind="configuration", configuration_id=id_)
    entry = {
        "id": id_,
        "name": "Mail",
        "description": "How mail is sent.",
        "schema": {"type": "object", "properties": {"port": {"type": "integer"}}},
    }
    registered = worker.call("configuration::register", {**entry, "initial_value": {"port": 25}})
    assert registered == {**entry, "value": {"port": 25}}
    worker.call("configuration::set", {"id": id_, "value": {"port": 26, "host": "${NO:x}"}})
    value = {"port": 26, "host": "x"}
    assert worker.call("configuration::get", {"id": id_}) == {"id": id_, "value": value}
    told = [partner.event("noted", function_id=function_id)["input"] for _ in range(2)]
    assert [(one["event_type"], one["new_value"]) for one in told] == [
        ("configuration:registered", {"port": 25}),
        ("configuration:updated", value),
    ]
    with pytest.raises(CallFailed) as failed:
        worker.call("configuration::set", {"id": id_, "value": {"port": "x"}})
    assert failed.value.code == "SCHEMA_INVALID"
