"""Refs: of the input of a request is kept what was in the request, and nothing to open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iii_triggers.engine.history.refs import MAX_BYTES, without_refs
from iii_triggers.protocol.codec import to_json


def ref(name: str, direction: str, **more: str) -> dict[str, str]:
    key = "k" * 32
    return {"channel_id": f"{key}.{name}", "access_key": key, "direction": direction, **more}


READ, WRITE = ref("request_body", "read"), ref("response", "write")


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_refs_at_the_end_are_left_out(size: int) -> None:
    value = {"path": "/x", "body": {"text": "ä" * size}}
    text = to_json({**value, "request_body": READ, "response": WRITE})
    assert json.loads(without_refs(text)) == value
    assert len(text) - len(without_refs(text)) < MAX_BYTES


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": 1},
        {"a": 1, "response": WRITE},
        {"a": 1, "request_body": READ, "response": READ},
        {"a": 1, "request_body": READ, "response": WRITE, "b": 2},
        {"a": 1, "request_body": READ, "other": 1, "response": WRITE},
        {"a": 1, "request_body": ref("request_body", "read", more="x"), "response": WRITE},
        {"a": {"request_body": READ, "response": WRITE}},
        [{"a": 1, "request_body": READ, "response": WRITE}],
        {"a": 1, "request_body": ref("x" * MAX_BYTES, "read"), "response": WRITE},
    ],
)
def test_everything_else_stays(value: Any) -> None:
    assert without_refs(to_json(value)) == to_json(value)
