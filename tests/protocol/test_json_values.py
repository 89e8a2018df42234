"""JSON that is fit to be kept."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.protocol.errors import InvalidArguments, LimitExceeded
from iii_triggers.protocol.json_values import MAX_JSON_DEPTH, check_json, depth_of


def nested(depth: int, innermost: Any = None) -> Any:
    """Return ``innermost`` in so many lists and objects, in turns."""
    value = innermost
    for level in range(depth):
        value = {"k": value} if level % 2 else [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "text",
        {},
        {"a": [1, {"b": "\\u0000"}]},
        nested(MAX_JSON_DEPTH),
        nested(MAX_JSON_DEPTH - 1, []),
        [nested(MAX_JSON_DEPTH - 1), nested(MAX_JSON_DEPTH - 1)],
    ],
)
def test_json_of_reasonable_depth_is_kept(value: Any) -> None:
    check_json(value)


@pytest.mark.parametrize(
    "value",
    [
        nested(MAX_JSON_DEPTH + 1),
        nested(MAX_JSON_DEPTH, []),
        {"a": 1, "b": nested(MAX_JSON_DEPTH, {})},
        nested(100_000),
    ],
    ids=["scalar", "empty", "beside", "very deep"],
)
def test_json_that_is_nested_too_deeply_is_refused(value: Any) -> None:
    with pytest.raises(LimitExceeded, match="64 levels"):
        check_json(value)


@pytest.mark.parametrize(
    "value",
    ["a\0", {"a\0": 1}, [{"a": ["\0"]}], nested(MAX_JSON_DEPTH, "\0")],
    ids=["text", "key", "inside", "innermost"],
)
def test_json_with_a_nul_character_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArguments, match="u0000"):
        check_json(value)


@pytest.mark.parametrize(
    ("value", "depth"),
    [
        (None, 0),
        ("[[", 0),
        ([], 1),
        ({"a": 1}, 1),
        ([1, {"a": []}, 2], 3),
        (nested(100_000), 100_000),
    ],
    ids=["null", "text", "empty", "object", "beside", "very deep"],
)
def test_the_depth_of_a_value_is_counted(value: Any, depth: int) -> None:
    assert depth_of(value) == depth
