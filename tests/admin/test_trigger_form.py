"""The generated form of a trigger: saving, errors at their fields, JSON and back, other types."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from iii_triggers.models import Trigger, TriggerType

from .test_triggers import ADD, EVIL, LIST, change_url, errors, form, of_source

PART = f"{LIST}config/"

SLACK = {
    "type": "object",
    "required": ["channel"],
    "examples": [{"channel": "#general", "mode": "all"}],
    "properties": {
        "channel": {"type": "string", "title": "Channel", "pattern": "(a+)+$"},
        "mode": {"enum": ["all", "mentions"]},
        "limit": {"type": "integer", "minimum": 1},
        "retry": {"type": "object", "properties": {"times": {"type": "integer", "minimum": 1}}},
    },
}


@pytest.fixture
def slack(db: None) -> TriggerType:
    return TriggerType.objects.create(
        type_id="slack", description="Messages.", config_schema=SLACK, source="worker"
    )


def filled(trigger_type: str = "slack", *, base: str = "{}", **entries: Any) -> dict[str, Any]:
    """Return what a browser sends for a form: ``filled(channel="#a", retry__times="1")``."""
    fields = {f"config.{key.replace('__', '.')}": value for key, value in entries.items()}
    data = {"config_mode": "form", "config_type": trigger_type, "config": base, **fields}
    return form(trigger_type=trigger_type, **data)


def shown(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def part(response: Any) -> Any:
    return response.context["adminform"].form.config_part


def test_an_http_trigger_is_made_from_its_fields(owner: Client) -> None:
    data = filled("http", api_path="hello", http_method="POST", pass_headers="a\r\nb")
    assert owner.post(ADD, data).status_code == 302
    config = {"api_path": "hello", "http_method": "POST", "pass_headers": ["a", "b"]}
    assert Trigger.objects.get().config == config


def test_the_page_of_a_trigger_has_its_values_in_fields(owner: Client, trigger: Trigger) -> None:
    page = shown(owner.get(change_url(trigger)))
    assert '<input type="text" name="config.api_path" value="greet"' in page
    assert '<option value="POST" selected>POST</option>' in page


def test_a_type_of_a_worker_has_fields_too(owner: Client, slack: TriggerType) -> None:
    assert owner.post(ADD, filled(channel="#a", retry__times="2")).status_code == 302
    assert Trigger.objects.get().config == {"channel": "#a", "retry": {"times": 2}}


def test_the_type_of_the_namespace_of_the_trigger_is_shown(
    owner: Client, slack: TriggerType
) -> None:
    other = {"properties": {"room": {"type": "string"}}}
    TriggerType.objects.create(type_id="slack", namespace="blue", config_schema=other)
    assert "config.room" in shown(owner.get(f"{ADD}?trigger_type=slack&namespace=blue"))
    assert "config.room" not in shown(owner.get(f"{ADD}?trigger_type=slack"))


def test_an_edit_keeps_what_has_no_field_and_logs_the_config(
    owner: Client, slack: TriggerType, trigger: Trigger
) -> None:
    base = '{"secret": [1], "channel": "#a", "retry": {"x": null, "times": 1}}'
    data = filled(base=base, channel="#b", retry__times="1")
    assert owner.post(change_url(trigger), data).status_code == 302
    trigger.refresh_from_db()
    config = {"secret": [1], "channel": "#b", "retry": {"x": None, "times": 1}}
    assert trigger.config == config
    assert '"Config"' in LogEntry.objects.get().change_message


def test_an_untouched_config_is_not_saved_over_what_came_meanwhile(
    owner: Client, trigger: Trigger
) -> None:
    page = owner.get(change_url(trigger))
    opened = page.context["adminform"].form.initial_config
    assert f'name="initial-config" value="{escape(opened)}"' in shown(page)
    Trigger.objects.update(config={"api_path": "newer"})
    fields = filled("http", base=opened, api_path="greet", http_method="POST")
    owner.post(change_url(trigger), {**fields, "initial-config": opened, "function_id": "f"})
    trigger.refresh_from_db()
    assert (trigger.config, trigger.function_id) == ({"api_path": "newer"}, "f")


@pytest.mark.parametrize("edit", [{"config": '{"api_path": "mine"}'}, {"trigger_type": "free"}])
def test_a_config_that_came_meanwhile_is_not_overwritten(
    owner: Client, trigger: Trigger, edit: dict[str, Any]
) -> None:
    TriggerType.objects.create(type_id="free")
    opened = owner.get(change_url(trigger)).context["adminform"].form.initial_config
    Trigger.objects.update(config={"api_path": "newer"})
    data = form(config=opened, config_mode="json") | edit
    response = owner.post(change_url(trigger), {**data, "initial-config": opened})
    assert "changed meanwhile" in errors(response)["config"][0]
    assert "changed meanwhile" in part(response).errors[0]
    assert Trigger.objects.values_list("trigger_type", "config").get() == (
        "http",
        {"api_path": "newer"},
    )


@pytest.mark.skipif(not connection.features.has_select_for_update, reason="locks it anyway")
def test_a_trigger_is_locked_while_it_is_saved(owner: Client, trigger: Trigger) -> None:
    with CaptureQueriesContext(connection) as saving:
        owner.post(change_url(trigger), form())
    assert any("FOR UPDATE" in query["sql"] for query in saving.captured_queries)


@pytest.mark.parametrize(
    ("entries", "key", "message"),
    [
        ({}, "channel", "This field is required."),
        ({"limit": "0"}, "limit", "less than the minimum"),
        ({"limit": "ten"}, "limit", "whole number"),
        ({"mode": "some"}, "mode", "Select a valid choice"),
        ({"channel": "a\0b"}, "channel", "Null characters"),
        ({"retry__times": "0"}, "retry.times", "less than the minimum"),
    ],
)
def test_an_error_is_shown_at_its_field(
    owner: Client, slack: TriggerType, entries: dict[str, str], key: str, message: str
) -> None:
    sent = {"channel": "#a"} | entries if entries else {"channel": ""}
    response = owner.post(ADD, filled(**sent))
    assert list(errors(response)) == ["config"]
    generated = part(response).form
    assert list(generated.errors) == [f"config.{key}"]
    assert message in generated.errors[f"config.{key}"][0]
    assert 'aria-invalid="true"' in str(generated[f"config.{key}"])
    assert f'id="id_config.{key}_error"' in shown(response)
    assert not Trigger.objects.exists()


def test_a_schedule_that_is_wrong_is_an_error_at_the_schedule(owner: Client) -> None:
    response = owner.post(ADD, filled("cron", schedule="0 25 * * *"))
    assert list(part(response).form.errors) == ["config.schedule"]


def test_a_route_that_is_taken_is_told_above_the_fields(owner: Client, trigger: Trigger) -> None:
    data = filled("http", api_path="greet", http_method="POST")
    response = owner.post(ADD, data)
    assert list(errors(response)) == ["config"]
    assert "'greet'" in part(response).errors[0]
    assert 'id="id_config_error"' in shown(response)
    assert '<input type="text" name="config.api_path" value="greet"' in shown(response)


def test_an_id_that_is_taken_keeps_what_was_entered(owner: Client, trigger: Trigger) -> None:
    response = owner.post(ADD, filled("http", api_path="mine") | {"trigger_id": "greet"})
    assert list(errors(response)) == ["trigger_id"]
    assert 'name="config.api_path" value="mine"' in shown(response)


@pytest.mark.parametrize("base", ["{", "[1]", '"x"', "[" * 1000, '{"a": "\\u0000"}', '"\\ud800"'])
def test_a_crafted_beginning_of_a_form_is_an_error(
    owner: Client, slack: TriggerType, base: str
) -> None:
    assert list(errors(owner.post(ADD, filled(base=base, channel="#a")))) == ["config"]
    assert not Trigger.objects.exists()


def test_fields_of_another_type_are_not_saved_as_this_one(
    owner: Client, slack: TriggerType
) -> None:
    data = filled("http", api_path="a") | {"trigger_type": "slack"}
    response = owner.post(ADD, data)
    assert "Fill in the fields of “slack”" in errors(response)["config"][0]
    assert "config.channel" in shown(response)


def switch(client: Client, url: str, how: str, data: dict[str, Any]) -> str:
    """Press a button of the config: the answer of the site with JavaScript, or without."""
    return shown(client.post(url, {**data, "_show_config": how}))


@pytest.mark.parametrize("url", [PART, ADD], ids=["with JavaScript", "without"])
class TestSwitching:
    """Nothing is saved, and what was entered is carried over, on both ways."""

    @pytest.fixture(autouse=True)
    def saves_nothing(self, slack: TriggerType) -> Any:
        yield
        assert not Trigger.objects.exists()

    def test_a_form_becomes_json(self, owner: Client, url: str) -> None:
        data = filled(base='{"kept": 1}', channel="#a", limit="5")
        page = switch(owner, url, "json", data | {"function_id": ""})
        config = '{\n  "kept": 1,\n  "channel": "#a",\n  "limit": 5\n}'
        assert f"{escape(config)}</textarea>" in page
        assert 'name="config_mode" value="json"' in page
        assert "This field is required" not in page

    def test_json_becomes_a_form(self, owner: Client, url: str) -> None:
        data = form(trigger_type="slack", config='{"channel": "#a", "kept": 1}', config_mode="json")
        page = switch(owner, url, "form", data)
        assert 'name="config.channel" value="#a"' in page
        assert "<code>kept</code>" in page
        assert 'name="config_mode" value="form"' in page

    def test_broken_json_stays_json(self, owner: Client, url: str) -> None:
        page = switch(owner, url, "form", form(trigger_type="slack", config='{"channel": oops'))
        assert escape('{"channel": oops') in page
        assert "This is not valid JSON" in page
        assert 'aria-invalid="true"' in page

    def test_json_that_is_no_object_stays_json(self, owner: Client, url: str) -> None:
        page = switch(owner, url, "form", form(trigger_type="slack", config="[1]"))
        assert "The form can only show a JSON object." in page

    def test_a_form_that_cannot_be_read_stays_a_form(self, owner: Client, url: str) -> None:
        page = switch(owner, url, "json", filled(channel="#a", limit="ten"))
        assert 'name="config.limit" value="ten"' in page
        assert "Enter a whole number." in page

    def test_another_type_has_its_fields_and_keeps_what_fits(self, owner: Client, url: str) -> None:
        data = filled("http", base='{"kept": 1}', api_path="a") | {"trigger_type": "slack"}
        page = switch(owner, url, "", data)
        assert "config.channel" in page
        assert "config.api_path" not in page
        assert "api_path" not in page.partition('name="config"')[2].partition(">")[0]
        assert "<code>kept</code>" in page

    def test_somebody_who_writes_json_goes_on_with_it(self, owner: Client, url: str) -> None:
        data = form(trigger_type="slack", config_type="http", config_mode="json", config="{}")
        assert 'name="config_mode" value="json"' in switch(owner, url, "", data)

    def test_the_first_type_that_is_chosen_is_a_form(self, owner: Client, url: str) -> None:
        data = form(trigger_type="slack", config_type="", config_mode="form", config="{}")
        assert "config.channel" in switch(owner, url, "", data)

    def test_an_example_fills_the_fields(self, owner: Client, url: str) -> None:
        page = switch(owner, url, "example", filled(channel="#a", limit="3"))
        assert 'name="config.channel" value="#general"' in page
        assert '<option value="all" selected>' in page
        assert 'name="config.limit" value="3"' in page

    @pytest.mark.parametrize("type_id", ["", "gone", "x\0y", EVIL])
    def test_a_type_that_nobody_knows_is_json(self, owner: Client, url: str, type_id: str) -> None:
        page = switch(owner, url, "form", form(trigger_type=type_id, config='{"a": 1}'))
        assert escape('"a": 1') in page
        assert EVIL not in page

    def test_what_is_no_way_to_show_it_is_a_form(self, owner: Client, url: str) -> None:
        assert "config.channel" in switch(owner, url, EVIL, filled(channel=EVIL, namespace="\0"))


def test_the_part_of_a_page_is_for_those_who_may_edit(
    owner: Client, viewer: Client, stranger: Client, trigger: Trigger
) -> None:
    url = f"{LIST}{trigger.pk}/config/"
    assert owner.post(url, filled()).status_code == 200
    assert owner.get(url).status_code == 405
    assert owner.post(f"{LIST}987654/config/", filled()).status_code == 404
    for client in (viewer, stranger):
        assert client.post(url, filled()).status_code == 403
        assert client.post(PART, filled()).status_code == 403
        assert client.post(ADD, {**filled(), "_show_config": "json"}).status_code == 403
    assert Client().post(url, filled()).status_code == 302
    of_source(trigger, Trigger.Source.WORKER)
    assert owner.post(url, filled()).status_code == 403


def test_the_part_of_a_page_needs_the_token_of_the_form(owner: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    assert strict.post(PART, filled()).status_code == 403


@pytest.mark.parametrize("source", [Trigger.Source.WORKER, Trigger.Source.CODE])
def test_what_may_not_be_edited_is_told_by_titles(
    owner: Client, viewer: Client, trigger: Trigger, source: str
) -> None:
    for page in (
        viewer.get(change_url(of_source(trigger, source))),
        owner.get(change_url(trigger)),
    ):
        assert "config." not in shown(page)
        assert "<dt>Path <code>api_path</code></dt><dd>greet</dd>" in shown(page)
        assert 'name="config"' not in shown(page)


def test_the_fire_times_of_what_was_entered_are_shown(owner: Client) -> None:
    data = filled("cron", base='{"timezone": "Europe/Berlin"}', schedule="0 0 9 1 1 ? 2090")
    data |= {"config.timezone": "UTC"}
    assert "Sun 2090-01-01 09:00:00 UTC" in shown(owner.post(f"{LIST}fire-times/", data))


@pytest.mark.parametrize("text", ["\0", EVIL, "[" * 2000, "{", "[1]", '"x"', "x" * 10_000])
def test_an_odd_address_opens_the_page(owner: Client, text: str) -> None:
    fields = dict.fromkeys(("trigger_type", "namespace", "config", "function_id"), text)
    assert EVIL not in shown(owner.get(ADD, fields))
    assert EVIL not in shown(owner.get(ADD, {**fields, "trigger_type": "http"}))


def test_only_the_chosen_type_is_explained(owner: Client, slack: TriggerType) -> None:
    page = shown(owner.get(f"{ADD}?trigger_type=slack"))
    assert "Messages." in page
    assert "Config keys of slack" in page
    assert "api_path" not in page
    assert "Config keys" not in shown(owner.get(ADD))


@pytest.mark.parametrize("client", ["owner", "viewer"])
def test_markup_in_a_type_of_a_worker_is_text(
    client: str, trigger: Trigger, request: pytest.FixtureRequest
) -> None:
    browser: Client = request.getfixturevalue(client)
    rule = {"title": EVIL, "description": EVIL, "enum": [EVIL], "default": EVIL}
    schema = {"title": EVIL, "properties": {EVIL: rule, "k": {"items": {"enum": [EVIL]}}}}
    TriggerType.objects.create(type_id=EVIL, description=EVIL, config_schema=schema)
    config = {EVIL: EVIL, "k": [EVIL], "other": EVIL, f"{EVIL}2": 1}
    Trigger.objects.update(trigger_type=EVIL, config=config)
    page = shown(browser.get(change_url(trigger)))
    assert EVIL not in page
    assert page.count(escape(EVIL)) > 5
    if client == "owner":
        data = filled(EVIL, base=f'{{"{EVIL}": [1]}}', k=EVIL, x=EVIL) | {"function_id": EVIL}
        for how in ("json", "form", "example"):
            assert EVIL not in switch(browser, change_url(trigger), how, data)


def test_an_open_page_takes_few_queries(
    owner: Client, slack: TriggerType, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        owner.get(f"{ADD}?trigger_type=slack")
