"""Configurations in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin import configurations as page
from iii_triggers.models import Configuration
from iii_triggers.trigger_types.configuration.changes import ConfigurationChange

LIST = "/admin/iii_triggers/configuration/"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def mail(db: None) -> Configuration:
    return Configuration.objects.create(
        config_id="mail",
        name="Mail",
        description="How mail is sent.",
        schema={
            "type": "object",
            "required": ["port"],
            "properties": {"port": {"type": "integer"}},
        },
        value='{"port": 25, "host": "${APP_HOST}"}',
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[ConfigurationChange]:
    """The changes that triggers are told of."""
    changes: list[ConfigurationChange] = []
    monkeypatch.setattr(page, "configuration_changed", changes.append)
    return changes


def url(row: Configuration) -> str:
    return f"{LIST}{row.pk}/change/"


def opened(client: Client, row: Configuration) -> dict[str, Any]:
    """Return the fields of the form as a person finds them."""
    form = client.get(url(row)).context["adminform"].form
    return {"value": form["value"].value(), "seen": form["seen"].value()}


def test_configurations_are_listed_and_shown(
    owner: Client, viewer: Client, mail: Configuration
) -> None:
    for client in (owner, viewer):
        assert "${APP_HOST}" in client.get(LIST).content.decode()
        shown = client.get(url(mail)).content.decode()
        assert "How mail is sent." in shown
        assert "&quot;required&quot;: [" in shown


def test_an_edit_is_told(
    owner: Client,
    mail: Configuration,
    told: list[ConfigurationChange],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = owner.post(url(mail), {**opened(owner, mail), "value": '{"port": 26}'})
    assert response.status_code == 302
    (change,) = told
    assert change.event_type == "updated"
    assert (change.old, change.new) == (mail.value, '{"port":26}')
    mail.refresh_from_db()
    assert mail.value == '{"port":26}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{}", "is a required property"),
        ('{"port": "x"}', "is not of type"),
        ("{", "This is not valid JSON"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_refused(
    owner: Client, mail: Configuration, value: str, reason: str
) -> None:
    response = owner.post(url(mail), {**opened(owner, mail), "value": value})
    assert reason in response.content.decode()
    mail.refresh_from_db()
    assert "25" in mail.value


def test_a_value_that_changed_meanwhile_is_not_overwritten(
    owner: Client, mail: Configuration
) -> None:
    form = opened(owner, mail)
    Configuration.objects.update(value='{"port": 99}')
    response = owner.post(url(mail), {**form, "value": '{"port": 1}'})
    assert "It was changed meanwhile." in response.content.decode()
    mail.refresh_from_db()
    assert mail.value == '{"port": 99}'


def test_a_deletion_is_told(
    owner: Client,
    mail: Configuration,
    told: list[ConfigurationChange],
    django_capture_on_commit_callbacks: Any,
) -> None:
    other = Configuration.objects.create(config_id="other")
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(f"{LIST}{mail.pk}/delete/", {"post": "yes"})
        data = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
        owner.post(LIST, data)
    found = [(change.event_type, change.row.config_id, change.new) for change in told]
    assert found == [("deleted", "mail", None), ("deleted", "other", None)]
    assert not Configuration.objects.exists()


def test_variables_are_named_with_what_becomes_of_them(
    owner: Client, mail: Configuration, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.III_CONFIGURATION_ENV = ["APP_*"]
    monkeypatch.setenv("APP_HOST", "hush.example")
    monkeypatch.setenv("SECRET", "hush")
    Configuration.objects.update(value='["${APP_HOST}", "${APP_NO:1}", "${APP_X}", "${SECRET}"]')
    shown = owner.get(url(mail)).content.decode()
    assert "<code>APP_HOST</code>: set<" in shown
    assert "<code>APP_NO</code>: not set: its default is used" in shown
    assert "<code>APP_X</code>: not set: reading the configuration fails" in shown
    assert "<code>SECRET</code>: not in III_CONFIGURATION_ENV: reading" in shown
    assert "hush" not in shown


def test_everything_is_escaped(owner: Client, viewer: Client, db: None) -> None:
    row = Configuration.objects.create(
        config_id="x",
        name=EVIL,
        description=EVIL,
        schema={"title": EVIL},
        value=f'"{EVIL}"',
        metadata=[EVIL],
    )
    for client in (owner, viewer):
        for address in (LIST, url(row)):
            assert EVIL not in client.get(address).content.decode()


def test_permissions_are_asked(
    owner: Client, viewer: Client, stranger: Client, mail: Configuration
) -> None:
    assert owner.get(f"{LIST}add/").status_code == 403
    for address in (url(mail), f"{LIST}{mail.pk}/delete/"):
        data = {"value": '{"port": 1}', "post": "yes"}
        assert viewer.post(address, data).status_code == 403
        assert stranger.get(address).status_code == 403
    mail.refresh_from_db()
    assert "25" in mail.value
