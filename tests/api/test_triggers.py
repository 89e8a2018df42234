"""Triggers over REST: the rules of the admin, and who owns what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from iii_triggers.models import Change, Trigger, TriggerType
from tests.support.threads import race

from .calling import fields, problem, send
from .conftest import Login

LIST = "triggers/"
GOOD = {"trigger_type": "http", "function_id": "demo.greet", "config": {"api_path": "greet"}}


@pytest.fixture
def trigger(db: None) -> Trigger:
    return Trigger.objects.create(
        trigger_id="greet",
        trigger_type="http",
        function_id="demo.greet",
        config={"api_path": "greet"},
        metadata={"team": "web"},
        state=Trigger.State.ACTIVE,
        source=Trigger.Source.API,
    )


def path(trigger: Trigger, end: str = "") -> str:
    return f"{LIST}{trigger.pk}/{end}"


def logged(flag: int) -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.filter(action_flag=flag)]


def of_source(trigger: Trigger, source: str, worker: Any = None) -> None:
    Trigger.objects.filter(pk=trigger.pk).update(source=source, worker=worker)


def test_what_is_made_here_belongs_to_the_api_and_to_who_made_it(root: Client) -> None:
    response = send(root, "POST", LIST, GOOD)
    assert response.status_code == 201
    trigger = Trigger.objects.get()
    assert response["Location"] == f"http://testserver/iii/api/v1/triggers/{trigger.pk}/"
    assert response.json() == send(root, "GET", path(trigger)).json()
    assert (trigger.source, trigger.state) == ("api", "parked")
    assert trigger.created_by == User.objects.get()
    assert Change.objects.filter(kind="trigger", key=str(trigger.pk)).exists()
    assert logged(ADDITION) == ["Made through the REST API."]


def test_all_of_it_can_be_chosen(root: Client) -> None:
    body = {
        "trigger_id": "a/b c",
        "namespace": "blue",
        "trigger_type": "clock",
        "provider_namespace": "green",
        "function_id": "<script>",
        "config": {"n": 1.5, "é": [None]},
        "metadata": ["m"],
        "enabled": False,
    }
    answer = send(root, "POST", LIST, body).json()
    assert {name: answer[name] for name in body} == body
    assert (answer["state"], answer["source"], answer["created_by"]) == ("disabled", "api", "root")


def test_an_id_that_is_taken_is_pointed_at(root: Client, trigger: Trigger) -> None:
    body = {"trigger_type": "x", "function_id": "f", "trigger_id": "greet"}
    document = problem(send(root, "POST", LIST, body), 409)
    assert (document["code"], list(fields(document))) == ("trigger_exists", ["/trigger_id"])
    assert send(root, "POST", LIST, {**body, "namespace": "blue"}).status_code == 201


def test_of_two_who_take_an_id_at_the_same_time_one_gets_it(
    transactional_db: None, root: Client
) -> None:
    body = {"trigger_type": "x", "function_id": "f", "trigger_id": "t"}
    answers = race(*[lambda: send(root, "POST", LIST, body)] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert logged(ADDITION) == ["Made through the REST API."]


def test_a_route_that_is_taken_is_pointed_at_with_the_other(root: Client, trigger: Trigger) -> None:
    document = problem(send(root, "POST", LIST, GOOD), 409)
    assert "'greet'" in fields(document)["/config"]
    assert send(root, "POST", LIST, {**GOOD, "enabled": False}).status_code == 201


def test_the_schema_of_a_type_of_a_worker_is_enforced(root: Client) -> None:
    schema = {"type": "object", "required": ["channel"], "properties": {"a/b": {"type": "string"}}}
    TriggerType.objects.create(type_id="slack", config_schema=schema)
    body = {"trigger_type": "slack", "function_id": "f"}
    assert list(fields(problem(send(root, "POST", LIST, body), 400))) == ["/config/channel"]
    body["config"] = {"channel": "x", "a/b": 5}
    assert list(fields(problem(send(root, "POST", LIST, body), 400))) == ["/config/a~1b"]


def test_a_part_can_be_changed(root: Client, trigger: Trigger) -> None:
    body = {"config": {"api_path": "other"}, "function_id": "demo.greet"}
    answer = send(root, "PATCH", path(trigger), body).json()
    assert answer["config"] == {"api_path": "other"}
    assert (answer["metadata"], answer["state"]) == ({"team": "web"}, "active")
    assert logged(CHANGE) == ["Changed config through the REST API."]


def test_true_is_not_one(root: Client, trigger: Trigger) -> None:
    for value in (1, True):
        send(root, "PATCH", path(trigger), {"metadata": {"on": value}})
        trigger.refresh_from_db()
        assert trigger.metadata == {"on": value}
        assert type(trigger.metadata["on"]) is type(value)


def test_what_a_put_leaves_out_gets_its_default(root: Client, trigger: Trigger) -> None:
    body = {"trigger_type": "cron", "function_id": "f", "config": {"schedule": "0 3 * * *"}}
    answer = send(root, "PUT", path(trigger), body).json()
    assert (answer["metadata"], answer["trigger_id"], answer["enabled"]) == (None, "greet", True)
    assert answer["next_fire_at"] is not None
    problem(send(root, "PUT", path(trigger), {"function_id": "f"}), 400)


def test_what_get_answers_can_be_put(root: Client, trigger: Trigger) -> None:
    shown = send(root, "GET", path(trigger)).json()
    answer = send(root, "PUT", path(trigger), shown).json()
    assert answer == shown
    assert logged(CHANGE) == []


@pytest.mark.parametrize("name", ["trigger_id", "namespace"])
def test_its_name_stays(root: Client, trigger: Trigger, name: str) -> None:
    document = problem(send(root, "PATCH", path(trigger), {name: "other"}), 400)
    assert list(fields(document)) == [f"/{name}"]


def test_a_change_its_type_refuses_changes_nothing(root: Client, trigger: Trigger) -> None:
    document = problem(send(root, "PATCH", path(trigger), {"config": {"api_path": 5}}), 400)
    assert list(fields(document)) == ["/config/api_path"]
    trigger.refresh_from_db()
    assert trigger.config == {"api_path": "greet"}
    assert logged(CHANGE) == []


def test_it_can_be_switched_off_and_on(root: Client, trigger: Trigger) -> None:
    for end, state in (("disable/", "disabled"), ("disable/", "disabled"), ("enable/", "parked")):
        assert send(root, "POST", path(trigger, end)).json()["state"] == state
    assert logged(CHANGE) == ["Changed enabled through the REST API."] * 2


def test_it_can_be_switched_off_whatever_has_become_of_its_config(
    root: Client, trigger: Trigger
) -> None:
    Trigger.objects.update(config={})
    assert send(root, "POST", path(trigger, "disable/")).json()["state"] == "disabled"
    problem(send(root, "POST", path(trigger, "enable/")), 400)


def test_it_is_not_switched_on_against_its_type(root: Client, trigger: Trigger) -> None:
    other = Trigger.objects.create(
        trigger_type="http", function_id="f", config=trigger.config, enabled=False
    )
    assert "'greet'" in problem(send(root, "POST", path(other, "enable/")), 409)["detail"]
    problem(send(root, "PATCH", path(other), {"enabled": True}), 409)


def test_it_can_be_deleted(root: Client, trigger: Trigger) -> None:
    response = send(root, "DELETE", path(trigger))
    assert (response.status_code, response.content) == (204, b"")
    assert not Trigger.objects.exists()
    assert logged(DELETION) == ["Deleted through the REST API."]
    problem(send(root, "DELETE", path(trigger)), 404)


@pytest.mark.parametrize(
    ("method", "end"),
    [("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "enable/"), ("POST", "disable/")],
)
def test_a_trigger_of_a_worker_is_its_own(
    root: Client, trigger: Trigger, make_worker: Any, method: str, end: str
) -> None:
    of_source(trigger, "worker", make_worker())
    Trigger.objects.update(enabled=end != "enable/")
    response = send(root, method, path(trigger, end), {**GOOD, "function_id": "evil"})
    document = problem(response, 409)
    assert (document["code"], "worker" in document["detail"]) == ("read_only", True)
    assert Trigger.objects.get().function_id == "demo.greet"


def test_of_a_trigger_in_code_only_enabled_is_free(root: Client, trigger: Trigger) -> None:
    of_source(trigger, "code")
    document = problem(send(root, "PATCH", path(trigger), {"function_id": "evil"}), 409)
    assert "declared in code" in document["detail"]
    assert send(root, "PATCH", path(trigger), {"enabled": False}).json()["state"] == "disabled"
    assert send(root, "POST", path(trigger, "enable/")).status_code == 200
    assert "declared in code" in problem(send(root, "DELETE", path(trigger)), 409)["detail"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("type=http", 1),
        ("type=cron", 0),
        ("function=demo.greet&namespace=default&trigger_id=greet", 1),
        ("state=active&enabled=true&source=api", 1),
        ("enabled=false", 0),
        ("source=worker", 0),
    ],
)
def test_the_list_can_be_narrowed(root: Client, trigger: Trigger, query: str, count: int) -> None:
    assert len(send(root, "GET", f"{LIST}?{query}").json()["results"]) == count


def test_a_list_is_one_query(
    root: Client, trigger: Trigger, make_worker: Any, django_assert_num_queries: Any
) -> None:
    of_source(trigger, "worker", make_worker())
    Trigger.objects.create(trigger_type="x", function_id="f", created_by=User.objects.get())
    with django_assert_num_queries(3):
        rows = send(root, "GET", LIST).json()["results"]
    assert [bool(row["worker"]) for row in rows] == [False, True]


@pytest.mark.parametrize("end", ["", "fire/", "enable/"])
@pytest.mark.parametrize("pk", ["0", "999999999999999999", "x", "-1", "1.0", "9" * 30])
def test_what_is_not_there_is_not_found(root: Client, end: str, pk: str) -> None:
    problem(send(root, "POST" if end else "GET", f"{LIST}{pk}/{end}"), 404)


def test_a_trigger_that_vanishes_while_it_is_changed_is_not_found(
    login: Login, trigger: Trigger
) -> None:
    client = login("change_trigger")
    Trigger.objects.all().delete()
    problem(send(client, "PATCH", path(trigger), {"enabled": False}), 404)
