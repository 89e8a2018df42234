"""The config of cron triggers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.conditions import CONDITION_KEYS
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.cron.config import CONFIG_SCHEMA, check_config, parse_config
from iii_triggers.trigger_types.json_schema import check_schema, check_value


def config(**keys: Any) -> dict[str, Any]:
    return {"schedule": "0 9 * * *", **keys}


def test_defaults() -> None:
    parsed = parse_config(config())
    assert parsed.schedule.zone.key == "UTC"
    assert (parsed.misfire, parsed.overlap) == ("skip", "skip")
    assert parsed.misfire_window == timedelta(days=1)
    assert parsed.policy.attempts == 1
    assert parsed.policy.condition_error == "skip"


def test_everything_given() -> None:
    parsed = parse_config(
        config(
            timezone="Europe/Berlin",
            misfire="all",
            misfire_window_s=60,
            overlap="allow",
            max_attempts=3,
            backoff_ms=10,
            timeout_ms=500,
            condition_function_id="may",
            something="else",
        )
    )
    assert parsed.schedule.zone.key == "Europe/Berlin"
    assert parsed.misfire_window == timedelta(minutes=1)
    assert (parsed.misfire, parsed.overlap, parsed.ordering_key) == ("all", "allow", "")
    policy = parsed.policy
    assert (policy.max_attempts, policy.backoff_ms, policy.timeout_ms) == (3, 10, 500)
    assert policy.condition_function_id == "may"


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_the_time_zone_is_the_sites_unless_given() -> None:
    assert parse_config(config()).schedule.zone.key == "Asia/Tokyo"
    assert parse_config(config(timezone=None)).schedule.zone.key == "Asia/Tokyo"


@pytest.mark.parametrize("key", CONDITION_KEYS)
def test_the_condition_has_the_names_of_all_sdks(key: str) -> None:
    assert parse_config(config(**{key: "may"})).policy.condition_function_id == "may"


def test_both_keys_may_say_the_same() -> None:
    assert parse_config({"schedule": "0 9 * * *", "expression": "0  9 * * *"})
    assert parse_config({"schedule": None, "expression": "0 9 * * *"})


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({}, "schedule", "Cron expression is required"),
        (None, "schedule", "Cron expression is required"),
        ([], "", "must be a JSON object"),
        ({"schedule": ""}, "schedule", "Cron expression is required"),
        ({"schedule": " "}, "schedule", "Cron expression is required"),
        ({"expression": 5}, "expression", "Cron expression is required"),
        ({"schedule": "0 9 * * *", "expression": "1 9 * * *"}, "expression", "different things"),
        (
            {"expression": "61 * * * *"},
            "expression",
            "Invalid cron expression '61 * * * *': minute '61' is not within 0-59",
        ),
        ({"schedule": "0 0 0 30 2 MON"}, "schedule", "it never fires from now on"),
        ({"schedule": "0 0 0 1 1 ? 2020"}, "schedule", "it never fires from now on"),
        ({"schedule": "9" * 10_000}, "schedule", "more than 255 characters"),
        (config(timezone="Mars/Olympus"), "timezone", "Unknown time zone 'Mars/Olympus'"),
        (config(timezone="../../etc/passwd"), "timezone", "Unknown time zone"),
        (config(timezone="/etc/localtime"), "timezone", "Unknown time zone"),
        (config(timezone="Europe"), "timezone", "Unknown time zone"),
        (config(timezone="a\0b"), "timezone", "Unknown time zone"),
        (config(timezone=""), "timezone", "Unknown time zone"),
        (config(timezone=3), "timezone", "must be the name"),
        (config(misfire="sometimes"), "misfire", "one of skip, latest, all"),
        (config(misfire=["all"]), "misfire", "one of skip, latest, all"),
        (config(misfire_window_s=-1), "misfire_window_s", "from 0"),
        (config(misfire_window_s=True), "misfire_window_s", "from 0"),
        (config(misfire_window_s=float("nan")), "misfire_window_s", "from 0"),
        (config(misfire_window_s=1e300), "misfire_window_s", "from 0"),
        (config(overlap="maybe"), "overlap", "one of skip, allow"),
        (config(max_attempts=0), "max_attempts", "from 1"),
        (config(max_attempts=1.5), "max_attempts", "whole number"),
        (config(backoff_ms="1"), "backoff_ms", "from 0"),
        (config(timeout_ms=0), "timeout_ms", "from 1"),
        (config(condition_function_id=7), "condition_function_id", "id of a function"),
        (config(_condition_path=7), "_condition_path", "id of a function"),
    ],
)
def test_names_the_key_at_fault(wrong: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        check_config(wrong)
    assert caught.value.field == field
    assert message in caught.value.message
    assert len(caught.value.message) < 600


def test_equal_configs_have_equal_facts() -> None:
    def facts(**keys: Any) -> Any:
        return parse_config(keys).facts()

    daily = facts(schedule="0 9 * * *")
    assert daily == facts(expression=" 0 9 * * * ", timezone="UTC", unknown=1)
    assert daily == facts(schedule="0 0 9 ? * *", misfire="skip", max_attempts=1)
    assert daily != facts(schedule="0 9 * * *", timezone="Europe/Berlin")
    assert daily != facts(schedule="0 9 * * *", overlap="allow")
    assert facts(schedule="0 9 1 * MON") != facts(schedule="0 0 9 1 * MON")
    assert facts(schedule="0 0 9 1 1 ? 2099") != facts(schedule="0 0 9 1 1 ? 2098")


def test_the_schema_allows_what_is_accepted_and_describes_every_key() -> None:
    check_schema(CONFIG_SCHEMA)
    check_value(CONFIG_SCHEMA["examples"][0], CONFIG_SCHEMA)
    check_value({"expression": "@daily", "misfire": "latest"}, CONFIG_SCHEMA)
    check_config(CONFIG_SCHEMA["examples"][0])
    assert all(rule["description"] for rule in CONFIG_SCHEMA["properties"].values())


@pytest.mark.parametrize("key", sorted(CONFIG_SCHEMA["properties"]))
def test_every_key_is_documented(key: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "cron.md"
    assert f"| `{key}` |" in page.read_text()
