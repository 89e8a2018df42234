"""``${NAME}`` and ``${NAME:default}`` (trigger reference, section 9)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from iii_triggers.trigger_types.configuration.placeholders import ExpandFailed, expand

STAYS = "$APP_HOST ${} ${1A} ${APP HOST} {APP_HOST} ${APP_HOST"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.III_CONFIGURATION_ENV = ["APP_*"]
    for name, value in {
        "APP_HOST": "db.example",
        "APP_PORT": "5432",
        "APP_RATIO": "-1.5e3",
        "APP_ON": "true",
        "APP_EMPTY": "",
        "APP_ZIP": "00501",
        "APP_JSON": '{"a": 1}',
        "APP_NULL": "null",
        "APP_NESTED": "${APP_HOST}",
        "SECRET_KEY": "hush",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("plain", "plain"),
        ("${APP_HOST}", "db.example"),
        ("http://${APP_HOST}:${APP_PORT}/", "http://db.example:5432/"),
        # Alone, it becomes what it reads as.
        ("${APP_PORT}", 5432),
        ("${APP_RATIO}", -1500.0),
        ("${APP_ON}", True),
        ("${APP_UNSET:false}", False),
        ("${APP_UNSET:7}", 7),
        # What is no number and no boolean stays text.
        ("${APP_EMPTY}", ""),
        ("${APP_ZIP}", "00501"),
        ("${APP_JSON}", '{"a": 1}'),
        ("${APP_NULL}", "null"),
        (" ${APP_PORT}", " 5432"),
        ("${APP_UNSET:}", ""),
        ("${APP_UNSET:a:b c}", "a:b c"),
        ("${APP_HOST:other}", "db.example"),
        # Nothing is expanded twice, and what is no placeholder stays.
        ("${APP_NESTED}", "${APP_HOST}"),
        (STAYS, STAYS),
        (["${APP_PORT}", 1, None], [5432, 1, None]),
        ({"${APP_HOST}": {"a": "${APP_HOST}"}}, {"${APP_HOST}": {"a": "db.example"}}),
    ],
)  # fmt: skip
def test_values_are_expanded(value: Any, expanded: Any) -> None:
    found = expand(value)
    assert (found, type(found)) == (expanded, type(expanded))


@pytest.mark.parametrize("name", ["APP_UNSET", "SECRET_KEY", "app_host", "XAPP_HOST"])
@pytest.mark.parametrize("text", ["${%s}", "see ${%s}"])
def test_a_variable_that_is_unset_or_not_listed_has_no_value(name: str, text: str) -> None:
    with pytest.raises(ExpandFailed, match=name) as caught:
        expand([text % name])
    assert caught.value.code == "EXPAND_FAILED"
    assert "hush" not in caught.value.message


def test_a_variable_that_is_not_listed_has_its_default() -> None:
    assert expand("${SECRET_KEY:nothing}") == "nothing"


def test_no_variable_is_listed_by_default(settings: Any) -> None:
    del settings.III_CONFIGURATION_ENV
    assert expand("${APP_HOST:none}") == "none"


@pytest.mark.parametrize(
    "text", ["${A:" * 200_000, "${" * 400_000, "${" + "A" * 800_000, "$" * 800_000]
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.process_time()
    assert expand(text) == text
    assert time.process_time() - begin < 2
