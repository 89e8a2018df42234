"""The OpenAPI schema says what is true, and leaves other APIs of the site alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.settings import spectacular_settings
from openapi_spec_validator import validate

from iii_triggers.api import openapi

from .calling import API, send


@pytest.fixture
def schema(root: Client) -> dict[str, Any]:
    found: dict[str, Any] = send(root, "GET", "schema/").json()
    return found


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    validate(schema)


def test_nothing_in_it_had_to_be_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    openapi._written.cache_clear()
    GENERATOR_STATS.reset()
    openapi.written_schema()
    assert not GENERATOR_STATS, capsys.readouterr().err


def test_it_knows_where_the_api_is(schema: dict[str, Any]) -> None:
    assert schema["servers"] == [{"url": API.rstrip("/")}]
    assert "/triggers/{id}/fire/" in schema["paths"]


def test_every_operation_has_examples_words_and_a_permission(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        name = operation["operationId"]
        assert operation["summary"], name
        assert operation["description"], name
        if name != "root":
            assert "Permission: `iii_triggers." in operation["description"], name
        assert {"tokenAuth": []} in operation["security"], name
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert media["examples"], name
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values():
                assert status == "default" or media["examples"], name


def test_it_comes_as_yaml_too(root: Client) -> None:
    response = root.get(API + "schema/?format=yaml")
    assert response["Content-Type"].startswith("application/vnd.oai.openapi")
    assert response.content.startswith(b"openapi: 3.")


def test_the_schema_of_the_site_has_the_settings_of_the_site(root: Client) -> None:
    before = {name: getattr(spectacular_settings, name) for name in ("TITLE", "SCHEMA_PATH_PREFIX")}
    openapi._written.cache_clear()
    send(root, "GET", "schema/")
    after = {name: getattr(spectacular_settings, name) for name in before}
    assert after == before
