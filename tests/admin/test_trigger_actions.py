"""Enabling and disabling triggers from the list."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client

from iii_triggers.models import Change, Trigger, TriggerType

LIST = "/admin/iii_triggers/trigger/"


def run(client: Client, action: str, *triggers: Trigger) -> Any:
    data = {"action": action, "_selected_action": [trigger.pk for trigger in triggers]}
    return client.post(LIST, data, follow=True)


def test_disable_switches_off_tells_the_engine_and_is_logged(
    owner: Client, trigger: Trigger
) -> None:
    page = run(owner, "disable", trigger).content.decode()
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.state) == (False, Trigger.State.DISABLED)
    assert Change.objects.filter(kind="trigger", key=str(trigger.pk)).count() == 2
    assert LogEntry.objects.get().object_id == str(trigger.pk)
    assert "1 trigger was disabled." in page


def test_enable_switches_on_and_counts(owner: Client, trigger: Trigger) -> None:
    other = Trigger.objects.create(
        trigger_type="http", function_id="f", config={"api_path": "other"}
    )
    Trigger.objects.update(enabled=False)
    page = run(owner, "enable", trigger, other).content.decode()
    assert "2 triggers were enabled." in page
    assert set(Trigger.objects.values_list("enabled", "state")) == {(True, Trigger.State.PARKED)}


def test_a_trigger_that_is_on_already_is_left_alone(owner: Client, trigger: Trigger) -> None:
    run(owner, "enable", trigger)
    trigger.refresh_from_db()
    assert trigger.state == Trigger.State.ACTIVE
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["enable", "disable"])
def test_triggers_of_workers_are_refused_with_a_message(
    owner: Client, trigger: Trigger, action: str
) -> None:
    enabled = action == "disable"
    Trigger.objects.update(source=Trigger.Source.WORKER, enabled=enabled)
    page = run(owner, action, trigger).content.decode()
    assert "belongs to its worker" in page
    trigger.refresh_from_db()
    assert trigger.enabled is enabled


def test_triggers_in_code_may_be_switched(owner: Client, trigger: Trigger) -> None:
    Trigger.objects.update(source=Trigger.Source.CODE)
    run(owner, "disable", trigger)
    trigger.refresh_from_db()
    assert trigger.enabled is False


def test_of_two_triggers_for_one_route_only_one_is_enabled(owner: Client, trigger: Trigger) -> None:
    twin = Trigger.objects.create(
        trigger_id="twin", trigger_type="http", function_id="f", config=trigger.config
    )
    Trigger.objects.update(enabled=False)
    page = run(owner, "enable", trigger, twin).content.decode()
    assert "1 trigger was enabled." in page
    assert "conflict" in page
    assert Trigger.objects.filter(enabled=True).count() == 1


def test_a_trigger_whose_config_became_invalid_is_not_enabled(
    owner: Client, trigger: Trigger
) -> None:
    Trigger.objects.update(enabled=False, config={})
    assert "api_path is required" in run(owner, "enable", trigger).content.decode()
    assert not Trigger.objects.filter(enabled=True).exists()


def test_a_trigger_whose_config_became_invalid_can_be_switched_off(
    owner: Client, trigger: Trigger
) -> None:
    Trigger.objects.update(config={})
    assert "1 trigger was disabled." in run(owner, "disable", trigger).content.decode()


def test_a_trigger_is_checked_by_the_type_of_the_namespace_it_names(owner: Client) -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["channel"]})
    TriggerType.objects.create(type_id="slack", namespace="blue", config_schema={})
    Trigger.objects.create(
        trigger_type="slack", provider_namespace="blue", function_id="f", enabled=False
    )
    assert "1 trigger was enabled." in run(owner, "enable", *Trigger.objects.all()).content.decode()


@pytest.mark.parametrize("action", ["disable", "enable", "delete_selected"])
def test_who_may_only_view_cannot_run_actions_by_crafted_post(
    viewer: Client, trigger: Trigger, action: str
) -> None:
    before = Trigger.objects.values().get()
    run(viewer, action, trigger)
    data = {"action": action, "_selected_action": [trigger.pk], "post": "yes"}
    viewer.post(LIST, data)
    assert Trigger.objects.values().get() == before


def test_a_stranger_sees_and_changes_nothing(stranger: Client, trigger: Trigger) -> None:
    urls = [LIST, LIST + "add/", f"{LIST}{trigger.pk}/change/", f"{LIST}{trigger.pk}/delete/"]
    assert [stranger.get(url).status_code for url in urls] == [403] * 4
    assert run(stranger, "disable", trigger).status_code == 403
    assert Trigger.objects.filter(enabled=True).exists()


def test_every_action_of_every_admin_declares_permissions() -> None:
    ours = [page for model, page in admin.site._registry.items() if is_ours(model)]
    assert len(ours) == 14
    bare = [
        f"{page}: {action}"
        for page in ours
        for action, *_ in page._get_base_actions()
        if not getattr(action, "allowed_permissions", None)
    ]
    assert not bare, f"Name the permissions of these actions in @admin.action: {bare}"


def is_ours(model: Any) -> bool:
    return bool(model._meta.app_label == "iii_triggers")
