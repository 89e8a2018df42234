"""Cron triggers in the admin: the next fire times, and firing by hand."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from iii_triggers.admin import cron_pages
from iii_triggers.models import Delivery, Trigger
from tests.delivery.conftest import messages

from .test_triggers import ADD, LIST, change_url, connect_worker, errors, form

__all__ = ["messages"]

PREVIEW = f"{LIST}fire-times/"
BERLIN = '{"schedule": "0 0 9 1 1 ? 2090-2091", "timezone": "Europe/Berlin"}'

pytestmark = pytest.mark.usefixtures("messages")


def add(trigger_id: str = "nightly", **facts: Any) -> Trigger:
    config = {"schedule": "30 2 * * *"}
    values = {"trigger_type": "cron", "function_id": "report", "config": config, **facts}
    return Trigger.objects.create(trigger_id=trigger_id, **values)


def fire_url(trigger: Trigger) -> str:
    return f"{LIST}{trigger.pk}/fire/"


def preview(client: Client, **fields: Any) -> str:
    data = {"trigger_type": "cron", "config": BERLIN, "enabled": "on", **fields}
    response = client.post(PREVIEW, data)
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_fire_times_are_shown_before_saving(owner: Client) -> None:
    page = preview(owner)
    assert "Sun 2090-01-01 09:00:00 CET" in page
    assert "Sun 2090-01-01 08:00:00 UTC" in page
    assert "Europe/Berlin" in page
    assert "After that it never fires again." in page
    assert "disabled" not in page


def test_a_schedule_is_told_in_words_too(owner: Client) -> None:
    assert "At 09:00, on day 1 of the month, in January, in 2090 and 2091 (Europe/Berlin)." in (
        preview(owner)
    )
    odd = preview(owner, config='{"schedule": "*/7 1-5/2 * * *"}')
    assert "iii-fire-times-words" not in odd
    assert "UTC" in odd


def test_five_times_are_shown(owner: Client) -> None:
    page = preview(owner, config='{"schedule": "@daily"}')
    assert page.count("00:00:00 UTC") == 5
    assert "never fires again" not in page


def test_the_times_of_a_disabled_trigger_come_with_a_warning(owner: Client) -> None:
    data = {"trigger_type": "cron", "config": BERLIN}
    assert "The trigger is disabled" in owner.post(PREVIEW, data).content.decode()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("", "Cron expression is required"),
        ("{", "This is not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"schedule": "<b>"}', "Invalid cron expression '<b>': 1 fields"),
        ('{"schedule": "@daily", "timezone": "Mars"}', "Unknown time zone 'Mars'"),
    ],
)
def test_the_preview_says_what_is_wrong(owner: Client, config: str, reason: str) -> None:
    page = preview(owner, config=config)
    assert escape(reason) in page
    assert "<b>" not in page


def test_other_types_have_no_fire_times(owner: Client) -> None:
    assert preview(owner, trigger_type="http").strip() == ""
    assert preview(owner, trigger_type="").strip() == ""


def test_the_preview_is_for_those_who_may_look(viewer: Client, stranger: Client) -> None:
    assert viewer.post(PREVIEW, {"trigger_type": "cron"}).status_code == 200
    assert viewer.get(PREVIEW).status_code == 405
    assert stranger.post(PREVIEW, {"trigger_type": "cron"}).status_code == 403
    assert Client().post(PREVIEW, {"trigger_type": "cron"}).status_code == 302


def test_a_bad_schedule_is_an_error_on_the_config(owner: Client) -> None:
    found = errors(owner.post(ADD, form(trigger_type="cron", config='{"schedule": "0 25 * * *"}')))
    assert list(found) == ["config"]
    assert "hour '25' is not within 0-23" in found["config"][0]


def test_the_page_of_a_trigger_has_its_times_and_links(owner: Client) -> None:
    trigger = add()
    page = owner.get(change_url(trigger)).content.decode()
    assert page.count("02:30:00 UTC") == 5
    assert escape(fire_url(trigger)) in page
    assert "type=cron&amp;trigger=nightly" in page
    add("replica")
    assert "type=cron&amp;function=report" in owner.get(change_url(trigger)).content.decode()


def test_the_form_explains_the_keys_of_cron(owner: Client) -> None:
    page = owner.get(f"{ADD}?trigger_type=cron").content.decode()
    assert escape('"schedule": "0 9 * * MON-FRI"') in page
    assert "misfire_window_s" in page


def test_a_form_that_comes_back_shows_the_times_of_what_was_typed(owner: Client) -> None:
    data = form(trigger_type="cron", config=BERLIN, function_id="")
    page = owner.post(ADD, data).content.decode()
    assert "Sun 2090-01-01 09:00:00 CET" in page


def test_the_list_shows_the_next_fire_time(owner: Client) -> None:
    trigger = add(config={"schedule": "0 0 9 1 1 ? 2090"})
    page = owner.get(LIST).content.decode()
    assert "2090" in page
    assert trigger.next_fire_at is not None


def test_fires_by_hand_and_links_to_the_delivery(owner: Client) -> None:
    trigger = add()
    response = owner.post(fire_url(trigger), follow=True)
    delivery = Delivery.objects.get()
    assert (delivery.function_id, delivery.scheduled_for) == ("report", None)
    assert f"/admin/iii_triggers/delivery/{delivery.pk}/change/" in response.content.decode()
    assert "was fired" in response.content.decode()
    assert LogEntry.objects.get().change_message == "Fired by hand."


def test_the_action_fires_cron_triggers_and_names_others(owner: Client, trigger: Trigger) -> None:
    nightly = add()
    data = {"action": "fire_now", "_selected_action": [nightly.pk, trigger.pk]}
    page = owner.post(LIST, data, follow=True).content.decode()
    assert Delivery.objects.get().trigger_id == "nightly"
    assert "Only cron triggers have a schedule: try this one on its page." in page


def test_of_very_many_that_are_fired_only_some_are_told_one_by_one(
    owner: Client, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cron_pages, "MAX_TOLD", 1)
    fired = [add(name).pk for name in "abc"]
    data = {"action": "fire_now", "_selected_action": [*fired, trigger.pk]}
    page = owner.post(LIST, data, follow=True).content.decode()
    assert Delivery.objects.count() == 3
    assert page.count("was fired") == 1
    assert "2 more were fired, 1 more could not be." in page


def test_a_workers_trigger_can_be_fired_too(owner: Client) -> None:
    trigger = add(source="worker", worker=connect_worker())
    owner.post(fire_url(trigger))
    assert Delivery.objects.count() == 1


def test_a_trigger_without_a_schedule_is_not_fired(owner: Client) -> None:
    trigger = add(config={})
    assert (
        "Cron expression is required" in owner.post(fire_url(trigger), follow=True).content.decode()
    )
    assert not Delivery.objects.exists()


def test_firing_needs_its_permission(
    viewer: Client, owner: Client, grant: Callable[[str, str], None]
) -> None:
    trigger = add()
    grant("viewer", "change_trigger")
    assert viewer.post(fire_url(trigger)).status_code == 403
    assert fire_url(trigger) not in viewer.get(change_url(trigger)).content.decode()
    data = {"action": "fire_now", "_selected_action": [trigger.pk]}
    viewer.post(LIST, data)
    assert owner.get(fire_url(trigger)).status_code == 405
    assert owner.post(f"{LIST}987654/fire/").status_code == 302
    assert not Delivery.objects.exists()


def test_who_may_fire_need_not_change(viewer: Client, grant: Callable[[str, str], None]) -> None:
    trigger = add()
    grant("viewer", "fire_trigger")
    viewer.post(fire_url(trigger))
    viewer.post(LIST, {"action": "fire_now", "_selected_action": [trigger.pk]})
    assert Delivery.objects.count() == 2
    assert fire_url(trigger) in viewer.get(change_url(trigger)).content.decode()


def test_firing_needs_no_permission_to_see_deliveries(owner: Client) -> None:
    user = User.objects.get(username="owner")
    user.user_permissions.remove(Permission.objects.get(codename="view_delivery"))
    owner.post(fire_url(add()))
    assert Delivery.objects.count() == 1
