"""Trigger types in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Node, Trigger, TriggerType, Worker

LIST = "/admin/iii_triggers/triggertype/"
ADD = LIST + "add/"


def form(**values: Any) -> dict[str, Any]:
    data = {"type_id": "slack", "namespace": "default", "description": "Slack events"}
    return {**data, "config_schema": "", "call_schema": "", **values}


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, "the form was accepted"
    return dict(response.context["adminform"].form.errors)


def change_url(row: TriggerType) -> str:
    return f"{LIST}{row.pk}/change/"


def test_a_type_added_here_may_be_edited_but_keeps_its_id(owner: Client) -> None:
    owner.post(ADD, form(config_schema='{"type": "object"}'))
    row = TriggerType.objects.get()
    assert (row.source, row.config_schema) == ("admin", {"type": "object"})
    owner.post(change_url(row), form(type_id="other", description="Events of Slack"))
    row.refresh_from_db()
    assert (row.type_id, row.description, row.config_schema) == ("slack", "Events of Slack", None)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ('{"type": "nonsense"}', "'nonsense'"),
        ('{"required": "a"}', "required"),
        ("[]", "JSON object"),
        ("{", "not valid JSON"),
    ],
)
@pytest.mark.parametrize("field", ["config_schema", "call_schema"])
def test_a_schema_must_be_a_json_schema(
    owner: Client, field: str, schema: str, message: str
) -> None:
    found = errors(owner.post(ADD, form(**{field: schema})))
    assert list(found) == [field]
    assert message in found[field][0]


@pytest.mark.parametrize("type_id", ["http", "api"])
def test_the_id_of_a_built_in_type_is_taken(owner: Client, type_id: str) -> None:
    assert "type_id" in errors(owner.post(ADD, form(type_id=type_id)))


def test_an_id_that_is_taken_is_an_error_on_the_id(owner: Client) -> None:
    TriggerType.objects.create(type_id="slack")
    assert "type_id" in errors(owner.post(ADD, form()))


@pytest.mark.parametrize("source", ["builtin", "worker"])
def test_types_of_others_are_only_shown(owner: Client, source: str) -> None:
    row = TriggerType.objects.create(
        type_id="slack", source=source, config_schema={"title": "a schema"}
    )
    assert owner.post(change_url(row), form(description="mine")).status_code == 403
    assert "a schema" in owner.get(change_url(row)).content.decode()


def test_what_a_worker_left_behind_can_be_deleted_but_no_type_in_use(owner: Client) -> None:
    now = timezone.now()
    node = Node.objects.create(node_id="n", host="h", pid=1, started_at=now, heartbeat_at=now)
    worker = Worker.objects.create(
        worker_id="w", node=node, name="billing", connected_at=now, last_seen=now
    )
    row = TriggerType.objects.create(type_id="slack", source="worker", worker=worker)
    assert "billing" in owner.get(LIST).content.decode()
    assert owner.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    worker.delete()
    assert "nobody: its triggers wait" in owner.get(LIST).content.decode()
    assert owner.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302


def test_a_built_in_type_cannot_be_deleted(owner: Client) -> None:
    row = TriggerType.objects.create(type_id="http", source="builtin")
    assert owner.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_counts_the_triggers_of_a_type(owner: Client) -> None:
    TriggerType.objects.create(type_id="slack")
    TriggerType.objects.create(type_id="unused")
    for number in range(3):
        Trigger.objects.create(trigger_type="slack", function_id=str(number))
    page = owner.get(LIST).content.decode()
    assert '<td class="field-triggers">3</td>' in page
    assert '<td class="field-triggers">0</td>' in page


def test_who_may_only_view_cannot_edit(viewer: Client) -> None:
    row = TriggerType.objects.create(type_id="slack")
    assert viewer.get(change_url(row)).status_code == 200
    assert viewer.post(change_url(row), form()).status_code == 403
    assert viewer.get(ADD).status_code == 403


@pytest.mark.parametrize("field", ["config_schema", "call_schema"])
def test_a_schema_that_is_nested_too_deeply_is_an_error_of_its_field(
    owner: Client, field: str
) -> None:
    text = '{"items":' * 65 + "{}" + "}" * 65
    response = owner.post(ADD, form(**{field: text}))
    assert list(response.context["adminform"].form.errors) == [field]
    assert not TriggerType.objects.exists()
