"""Named queues: their config, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.delivery.named_queues import (
    NamedQueue,
    named_queue_config,
    named_queue_names,
    named_queue_problems,
)


def test_default_always_exists() -> None:
    assert named_queue_names() == ["default"]
    assert named_queue_config("default") == NamedQueue()
    assert named_queue_config("emails") is None


@override_settings(III_QUEUES={"default": {"concurrency": 2}, "emails": {"max_retries": 5}})
def test_the_setting_says_what_a_queue_does() -> None:
    assert named_queue_names() == ["default", "emails"]
    assert named_queue_config("default") == NamedQueue(concurrency=2)
    assert named_queue_config("emails") == NamedQueue(max_retries=5)


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        ({"type": "y"}, "Queue 'x' has invalid type 'y'. Must be 'standard' or 'fifo'"),
        ({"type": "fifo"}, "Queue 'x' is of type 'fifo' but 'message_group_field' is not set"),
        ({"concurrency": 0}, "Queue 'x' has 'concurrency' 0; it must be at least 1"),
        ({"max_retries": 0}, "Queue 'x' has 'max_retries' 0; it must be at least 1"),
        ({"backoff_ms": -1}, "Queue 'x' has 'backoff_ms' -1; it must be at least 0"),
        ({"speed": 1}, "Queue 'x': Object contains unknown field `speed`"),
        ({"concurrency": "2"}, "Queue 'x': Expected `int | null`, got `str` - at `$.concurrency`"),
        (["fifo"], "Queue 'x': Expected `object`, got `array`"),
    ],
)
def test_a_wrong_entry_is_told_in_the_words_of_the_reference(stored: Any, problem: str) -> None:
    assert list(named_queue_problems({"x": stored})) == [problem]


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b"])
def test_a_name_that_no_row_can_hold_is_wrong(name: str) -> None:
    assert list(named_queue_problems({name: {}})) == [f"{name!r} cannot be the name of a queue"]


def test_every_right_entry_is_right() -> None:
    fifo = {"type": "fifo", "message_group_field": "account", "backoff_ms": 0}
    assert list(named_queue_problems({"a": {}, "b": fifo, "c": {"concurrency": 1}})) == []
