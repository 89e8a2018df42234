"""The codec on frames that nobody recorded: broken, odd, hostile (section 2.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from iii_triggers.protocol import codec
from iii_triggers.protocol.errors import InvocationFailed, MalformedFrame, TriggerRejected
from iii_triggers.protocol.messages import ABSENT, ErrorBody, InvocationResult, InvokeFunction


@pytest.mark.parametrize("value", [1, "x", None, [], {}, {"a": {"b": [1]}}, "é\u2028", 1.5])
def test_a_value_survives_the_way_there_and_back(value: Any) -> None:
    assert codec.from_json(codec.to_json(value)) == value


@pytest.mark.parametrize("frame", ["", "{", "[]", "nul", '{"type":"x"}', "{}" * 2, b"\xff"])
def test_what_is_no_message_is_malformed(frame: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        codec.decode(frame)


@pytest.mark.parametrize("raw", [b"{", b"[" * 50_000, b"\xff"])
def test_broken_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedFrame):
        codec.from_json(raw)


@pytest.mark.parametrize("raw", [None, b"", Raw(b"")])
def test_nothing_is_none(raw: Any) -> None:
    assert codec.from_json(raw) is None


@pytest.mark.parametrize(
    ("raw", "is_null"),
    [(None, True), (ABSENT, True), (Raw(b"null"), True), (Raw(b"0"), False), (Raw(b'""'), False)],
)
def test_null_and_absent_are_told_from_falsy_values(raw: Any, is_null: bool) -> None:
    assert codec.is_null(raw) is is_null


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b"{}", {"k": "v"}),
        (b" { } ", {"k": "v"}),
        (b'{"a":1}', {"a": 1, "k": "v"}),
        (b'{"a":1 }\n', {"a": 1, "k": "v"}),
        (b'{"k":"forged"}', {"k": "v"}),
        (b'{"a":"}"}', {"a": "}", "k": "v"}),
        (b'{"a":{}}', {"a": {}, "k": "v"}),
        (b"[{}]", [{}]),
        (b'"{}"', "{}"),
        (b"null", None),
    ],
)
def test_a_key_is_put_into_objects_only(raw: bytes, seen: Any) -> None:
    assert json.loads(codec.with_key(raw, "k", "v")) == seen


def test_a_value_put_into_an_object_is_escaped() -> None:
    assert json.loads(codec.with_key(b"{}", "k", 'a"},{')) == {"k": 'a"},{'}


def test_a_call_is_always_sent_with_data() -> None:
    frame = json.loads(codec.encode(InvokeFunction(function_id="f", invocation_id="i")))
    assert frame == {
        "type": "invokefunction",
        "function_id": "f",
        "data": None,
        "invocation_id": "i",
    }


def test_a_result_without_value_has_no_key_for_it() -> None:
    frame = json.loads(codec.encode(InvocationResult(invocation_id="i", function_id="f")))
    assert frame == {"type": "invocationresult", "invocation_id": "i", "function_id": "f"}


def test_an_error_never_carries_an_empty_stacktrace() -> None:
    bodies = [codec.error_body(InvocationFailed("m")), codec.error_body(TriggerRejected("m"))]
    for body in bodies:
        assert set(json.loads(codec.to_json(body))) == {"code", "message"}


def test_an_error_of_a_peer_is_made_what_the_protocol_promises() -> None:
    assert codec.tidy_error("text") == ErrorBody(message="text")
    assert codec.tidy_error(ErrorBody(code=None, message=None)) == ErrorBody()
    assert codec.tidy_error(ErrorBody(code="E", message=[1], stacktrace=[])) == ErrorBody(
        code="E", message="[1]"
    )


def test_null_for_an_optional_key_is_the_same_as_leaving_it_out() -> None:
    keys = ("invocation_id", "traceparent", "baggage", "action", "metadata", "namespace")
    frame = {"type": "invokefunction", "function_id": "f", "data": 1}
    full = {**frame, **dict.fromkeys(keys)}
    assert codec.decode(json.dumps(full)) == codec.decode(json.dumps(frame))


def test_keys_that_no_message_knows_are_ignored() -> None:
    message = codec.decode('{"type":"ping","message_type":"ping","observe":{"a":1}}')
    assert codec.encode(message) == '{"type":"ping"}'
