"""Triggers in the admin: adding, editing, what each source allows."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Change, Function, Node, Topic, Trigger, TriggerType, Worker

LIST = "/admin/iii_triggers/trigger/"
ADD = LIST + "add/"


def change_url(trigger: Trigger) -> str:
    return f"{LIST}{trigger.pk}/change/"


def form(**values: Any) -> dict[str, Any]:
    """Return what a browser sends for a trigger."""
    data = {
        "trigger_id": "hello",
        "namespace": "default",
        "trigger_type": "http",
        "function_id": "demo.hello",
        "config": '{"api_path": "hello"}',
        "metadata": "",
        "enabled": "on",
        **values,
    }
    return {key: value for key, value in data.items() if value is not None}


def errors(response: Any) -> dict[str, list[str]]:
    """Return the errors of the form that came back."""
    assert response.status_code == 200, "the form was accepted"
    return dict(response.context["adminform"].form.errors)


def connect_worker() -> Worker:
    now = timezone.now()
    node = Node.objects.create(node_id="n", host="h", pid=1, started_at=now, heartbeat_at=now)
    return Worker.objects.create(
        worker_id="w", node=node, name="billing", connected_at=now, last_seen=now
    )


def of_source(trigger: Trigger, source: str) -> Trigger:
    trigger.source = source
    trigger.worker = connect_worker() if source == Trigger.Source.WORKER else None
    trigger.save()
    return trigger


def test_an_added_trigger_belongs_to_the_admin_and_to_who_added_it(owner: Client) -> None:
    assert owner.post(ADD, form()).status_code == 302
    trigger = Trigger.objects.get()
    assert trigger.source == Trigger.Source.ADMIN
    assert trigger.created_by == User.objects.get(username="owner")
    assert trigger.state == Trigger.State.PARKED
    assert trigger.config == {"api_path": "hello"}
    assert Change.objects.filter(kind="trigger", key=str(trigger.pk)).exists()


def test_a_trigger_added_disabled_is_disabled(owner: Client) -> None:
    owner.post(ADD, form(enabled=None))
    assert Trigger.objects.get().state == Trigger.State.DISABLED


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{}", "api_path is required"),
        ('{"api_path": 5}', "api_path"),
        ('{"api_path": "a", "http_method": "BREW"}', "http_method"),
        ('{"api_path": "a", "timeout_ms": "soon"}', "timeout_ms"),
        ("[1]", "JSON object"),
        ('{"api_path": ', "line 1 column 14"),
        ('{"api_path": NaN}', "not valid JSON"),
        ('{"api_path": "\\ud800"}', "not valid JSON"),
        ('{"api_path": "a", "b": "\\u0000"}', "u0000"),
        ("[" * 100_000, "not valid JSON"),
        ("[" * 65 + "]" * 65, "64 levels"),
        ("[" * 900 + "]" * 900, "64 levels"),
    ],
)
def test_a_bad_config_is_an_error_on_the_config(owner: Client, config: str, message: str) -> None:
    found = errors(owner.post(ADD, form(config=config)))
    assert list(found) == ["config"]
    assert message in found["config"][0]
    assert not Trigger.objects.exists()


def test_broken_json_comes_back_as_it_was_typed(owner: Client) -> None:
    response = owner.post(ADD, form(config='{"api_path": oops'))
    assert escape('{"api_path": oops') in response.content.decode()


def test_text_that_only_looks_like_a_refused_character_is_kept(owner: Client) -> None:
    owner.post(ADD, form(config='{"api_path": "a"}', metadata=r'"\\u0000"'))
    assert Trigger.objects.get().metadata == r"\u0000"


def test_an_empty_config_is_an_empty_object(owner: Client) -> None:
    TriggerType.objects.create(type_id="clock")
    owner.post(ADD, form(trigger_type="clock", config=""))
    assert Trigger.objects.get().config == {}


def test_the_schema_of_a_type_in_the_database_is_enforced(owner: Client) -> None:
    schema = {"type": "object", "required": ["channel"]}
    TriggerType.objects.create(type_id="slack", config_schema=schema)
    found = errors(owner.post(ADD, form(trigger_type="slack", config="{}")))
    assert found == {"config": ["'channel' is a required property"]}


def test_an_id_that_is_taken_is_an_error_on_the_id(owner: Client, trigger: Trigger) -> None:
    found = errors(owner.post(ADD, form(trigger_id="greet")))
    assert list(found) == ["trigger_id"]


def test_an_id_may_be_used_again_in_another_namespace(owner: Client, trigger: Trigger) -> None:
    assert owner.post(ADD, form(trigger_id="greet", namespace="blue")).status_code == 302


def test_a_route_that_is_taken_is_an_error_naming_the_other(
    owner: Client, trigger: Trigger
) -> None:
    config = json.dumps(trigger.config)
    found = errors(owner.post(ADD, form(config=config)))
    assert list(found) == ["config"]
    assert "'greet'" in found["config"][0]


def test_a_disabled_trigger_may_wait_for_a_taken_route(owner: Client, trigger: Trigger) -> None:
    data = form(config=json.dumps(trigger.config), enabled=None)
    assert owner.post(ADD, data).status_code == 302


def test_ids_have_the_length_of_the_setting(owner: Client, settings: Any) -> None:
    settings.III_MAX_ID_LENGTH = 5
    found = errors(owner.post(ADD, form(trigger_id="123456")))
    assert set(found) == {"trigger_id", "function_id"}


def test_the_form_offers_types_and_functions_that_exist(owner: Client) -> None:
    TriggerType.objects.create(type_id="slack")
    Function.objects.create(function_id="demo.hello")
    page = owner.get(ADD).content.decode()
    assert '<option value="slack">' in page
    assert '<option value="http">' in page
    assert 'list="function_id-suggestions"' in page
    assert '<option value="demo.hello" label="demo.hello: default: the site">' in page


def test_a_type_nobody_knows_any_more_stays_selectable(owner: Client, trigger: Trigger) -> None:
    Trigger.objects.update(trigger_type="gone")
    assert '<option value="gone" selected>' in owner.get(change_url(trigger)).content.decode()


def test_saving_says_when_nobody_offers_the_function(owner: Client) -> None:
    page = owner.post(ADD, form(), follow=True).content.decode()
    assert "No worker offers the function “demo.hello” now." in page


def test_an_edit_does_not_touch_the_state_the_engine_wrote(owner: Client, trigger: Trigger) -> None:
    data = form(config='{"api_path": "other"}', function_id="demo.other")
    assert owner.post(change_url(trigger), data).status_code == 302
    trigger.refresh_from_db()
    assert trigger.config == {"api_path": "other"}
    assert trigger.state == Trigger.State.ACTIVE


def test_the_id_of_a_trigger_stays(owner: Client, trigger: Trigger) -> None:
    owner.post(change_url(trigger), form(trigger_id="other", namespace="blue"))
    trigger.refresh_from_db()
    assert (trigger.trigger_id, trigger.namespace) == ("greet", "default")


def test_switching_off_in_the_form_shows_at_once(owner: Client, trigger: Trigger) -> None:
    owner.post(change_url(trigger), form(enabled=None))
    trigger.refresh_from_db()
    assert trigger.state == Trigger.State.DISABLED


def test_the_page_of_an_http_trigger_tells_how_to_call_it(owner: Client, trigger: Trigger) -> None:
    page = owner.get(change_url(trigger)).content.decode()
    curl = """curl -X POST -H 'content-type: application/json' -d '{"name": "Ada"}' """
    assert escape(curl + "http://testserver/iii/http/greet") in page
    assert escape(curl + "http://testserver:3111/greet") in page


def test_the_page_of_a_queue_trigger_leads_to_its_deliveries_and_topic(owner: Client) -> None:
    queue = Trigger.objects.create(
        trigger_type="queue", function_id="demo.bill", config={"topic": "orders"}
    )
    page = owner.get(change_url(queue)).content.decode()
    deliveries = "/admin/iii_triggers/delivery/?topic=orders&amp;function=demo.bill"
    assert f'<a href="{deliveries}">Deliveries</a>' in page
    topic = Topic.objects.get(name="orders")
    assert f'<a href="/admin/iii_triggers/topic/{topic.pk}/change/">Topic “orders”</a>' in page


def test_other_triggers_have_no_deliveries_of_a_topic(owner: Client, trigger: Trigger) -> None:
    assert "/delivery/?" not in owner.get(change_url(trigger)).content.decode()


def test_a_parked_trigger_says_what_it_waits_for(owner: Client, trigger: Trigger) -> None:
    Trigger.objects.update(state=Trigger.State.PARKED)
    assert "waits for its trigger type" in owner.get(change_url(trigger)).content.decode()


def test_a_trigger_of_a_worker_can_only_be_looked_at(owner: Client, trigger: Trigger) -> None:
    of_source(trigger, Trigger.Source.WORKER)
    assert owner.post(change_url(trigger), form()).status_code == 403
    assert owner.post(f"{LIST}{trigger.pk}/delete/", {"post": "yes"}).status_code == 403
    page = owner.get(change_url(trigger)).content.decode()
    assert 'name="_save"' not in page
    assert "billing" in page


@pytest.mark.parametrize("config", [{"api_path": "a"}, {}], ids=["valid", "invalid by now"])
def test_of_a_trigger_in_code_only_enabled_can_be_edited(
    owner: Client, trigger: Trigger, config: Any
) -> None:
    trigger.config = config
    of_source(trigger, Trigger.Source.CODE)
    page = owner.get(change_url(trigger)).content.decode()
    assert 'name="config"' not in page
    assert 'name="function_id"' not in page
    owner.post(change_url(trigger), form(enabled=None, function_id="evil"))
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.function_id) == (False, "demo.greet")


def test_a_trigger_in_code_cannot_be_deleted(owner: Client, trigger: Trigger) -> None:
    of_source(trigger, Trigger.Source.CODE)
    assert owner.post(f"{LIST}{trigger.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("source", [Trigger.Source.WORKER, Trigger.Source.CODE])
def test_deleting_in_bulk_spares_what_may_not_be_deleted(
    owner: Client, trigger: Trigger, source: str
) -> None:
    of_source(trigger, source)
    data = {"action": "delete_selected", "_selected_action": trigger.pk, "post": "yes"}
    owner.post(LIST, data)
    assert Trigger.objects.exists()


def test_a_trigger_of_the_admin_can_be_deleted(owner: Client, trigger: Trigger) -> None:
    assert owner.post(f"{LIST}{trigger.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Trigger.objects.exists()


@pytest.mark.parametrize("term", ["demo.greet", "api_path", "POST", "greet http"])
def test_the_list_is_searched_in_ids_and_configs(
    owner: Client, trigger: Trigger, term: str
) -> None:
    response = owner.get(LIST, {"q": term})
    assert list(response.context["cl"].queryset) == [trigger]


def test_a_search_that_matches_nothing_finds_nothing(owner: Client, trigger: Trigger) -> None:
    assert not owner.get(LIST, {"q": "elsewhere"}).context["cl"].queryset.exists()


def test_the_list_shows_what_a_trigger_is(owner: Client, trigger: Trigger) -> None:
    Trigger.objects.update(error="x" * 500, state=Trigger.State.REJECTED)
    page = owner.get(LIST).content.decode()
    assert "POST /greet" in page
    assert "</span> rejected</span>" in page
    assert "x" * 80 + "…" in page
    assert "x" * 81 not in page


def test_a_disabled_trigger_reads_disabled_before_the_engine_heard(
    owner: Client, trigger: Trigger
) -> None:
    Trigger.objects.update(enabled=False)
    assert "</span> disabled</span>" in owner.get(LIST).content.decode()


def test_the_list_takes_the_same_queries_for_any_number_of_rows(
    owner: Client, trigger: Trigger, django_assert_max_num_queries: Any
) -> None:
    user = User.objects.get(username="owner")
    for number in range(20):
        Trigger.objects.create(trigger_type="http", function_id=str(number), created_by=user)
    with django_assert_max_num_queries(9):
        owner.get(LIST)


EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("client", ["owner", "viewer"])
def test_markup_in_any_field_is_text(
    client: str, trigger: Trigger, request: pytest.FixtureRequest
) -> None:
    browser: Client = request.getfixturevalue(client)
    Function.objects.create(function_id=EVIL, description=EVIL)
    TriggerType.objects.create(
        type_id=EVIL,
        description=EVIL,
        config_schema={"required": [EVIL], "properties": {EVIL: {"examples": [EVIL]}}},
    )
    Trigger.objects.update(
        trigger_id=EVIL,
        trigger_type=EVIL,
        function_id=EVIL,
        config={"api_path": EVIL, EVIL: EVIL},
        metadata={EVIL: EVIL},
        namespace=EVIL,
        error=EVIL,
    )
    for url in (LIST, change_url(trigger), ADD):
        page = browser.get(url).content.decode()
        assert EVIL not in page
    Trigger.objects.update(trigger_type="http")
    assert EVIL not in browser.get(change_url(trigger)).content.decode()


def test_pages_contain_no_inline_script_or_style(owner: Client, trigger: Trigger) -> None:
    for url in (LIST, change_url(trigger), ADD):
        page = owner.get(url).content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "onclick" not in page
        assert "<script>" not in page
