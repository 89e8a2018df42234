"""The store of logs, and what SDKs send in OTLP/JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.telemetry import records, store
from iii_triggers.engine.telemetry.otlp import records_of


def request(*items: Any, resource: Any = None, scope: Any = None) -> dict[str, Any]:
    scoped = {"scope": scope, "logRecords": list(items)}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [scoped]}]}


def frame(value: Any) -> bytes:
    return b"LOGS" + json.dumps(value).encode()


def pair(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_everything_of_a_record_is_read() -> None:
    nested = {
        "values": [{"stringValue": "a"}, {"kvlistValue": {"values": [pair("b", intValue=1)]}}]
    }
    item = {
        "timeUnixNano": "1700000000000000001",
        "observedTimeUnixNano": 1700000000000000002,
        "severityNumber": 13,
        "severityText": "WARN",
        "body": {"stringValue": "hello"},
        "attributes": [
            pair("i", intValue="7"),
            pair("d", doubleValue=1.5),
            pair("t", boolValue=True),
            pair("n", arrayValue=nested),
            pair("e"),
        ],
        "traceId": "0AF7651916CD43DD8448EB211C80319C",
        "spanId": "b7ad6b7169203331",
    }
    resource = {"attributes": [pair("service.name", stringValue="shop")]}
    scope = {"name": "logger", "version": "1"}
    (record,) = records_of(request(item, resource=resource, scope=scope))
    assert record == records.LogRecord(
        timestamp_unix_nano=1700000000000000001,
        observed_timestamp_unix_nano=1700000000000000002,
        severity_number=13,
        severity_text="WARN",
        body="hello",
        attributes={"i": 7, "d": 1.5, "t": True, "n": ["a", {"b": 1}], "e": None},
        trace_id="0af7651916cd43dd8448eb211c80319c",
        span_id="b7ad6b7169203331",
        resource={"service.name": "shop"},
        service_name="shop",
        instrumentation_scope_name="logger",
        instrumentation_scope_version="1",
    )


def test_a_record_without_anything_is_read_too() -> None:
    (record,) = records_of(request({"severityNumber": 18, "traceId": "0" * 32}))
    assert (record.severity_text, record.level, record.body) == ("ERROR", "error", "")
    assert record.timestamp_unix_nano == record.observed_timestamp_unix_nano > 1e18
    assert (record.trace_id, record.service_name) == (None, "unknown")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"resourceLogs": 7},
        {"resourceLogs": [7, None, {"scopeLogs": [7, {"logRecords": [7, None, "x"]}]}]},
        {"resourceLogs": [{"resource": [], "scopeLogs": {"a": 1}}]},
    ],
)
def test_what_has_another_shape_is_left_out(value: Any) -> None:
    assert list(records_of(value)) == []


@pytest.mark.parametrize(
    "item",
    [
        {"body": 7, "attributes": 7, "severityNumber": [], "timeUnixNano": "x" * 50},
        {"body": {"arrayValue": 7}, "attributes": [7, {}, {"key": 7}, pair("a", oddValue=1)]},
        {"timeUnixNano": "99999999999999999999", "severityNumber": -(2**62), "traceId": 7},
        {"timeUnixNano": 1e300, "severityText": "x" * 5000, "spanId": "f" * 5000},
    ],
)
def test_odd_parts_are_left_out(item: Any) -> None:
    (record,) = records_of(request(item))
    assert 0 <= record.timestamp_unix_nano < 2**63
    assert len(record.severity_text) <= 512


def test_large_records_are_cut() -> None:
    big = {
        "body": {"stringValue": "x" * 100_000},
        "attributes": [pair("k", stringValue="y" * 70000)],
    }
    (record,) = records_of(request(big))
    assert (len(record.body), record.attributes) == (records.MAX_BODY_LENGTH, {})
    deep: Any = {"stringValue": "end"}
    for _ in range(500):
        deep = {"arrayValue": {"values": [deep]}}
    assert len(list(records_of(request({"body": deep})))) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b"null"])
async def test_malformed_frames_are_ignored(engine: Engine, body: bytes) -> None:
    for prefix in (b"LOGS", b"OTLP", b"MTRC"):
        assert engine.telemetry.take(prefix + body)
    assert engine.telemetry.refused.total == 3
    assert len(engine.telemetry.logs) == 0
    assert not engine.telemetry.take(b'{"type":"ping"}')
    assert not engine.telemetry.take(b"")


async def test_a_frame_of_deep_values_is_ignored(engine: Engine) -> None:
    deep = b'{"resourceLogs":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert engine.telemetry.take(b"LOGS" + deep)
    assert engine.telemetry.refused.total == 1


async def test_a_frame_that_is_too_large_is_dropped(engine: Engine) -> None:
    engine.telemetry.take(b"LOGS" + b'{"a":"' + b"x" * 4 * 1024 * 1024 + b'"}')
    assert engine.telemetry.refused.total == 1


async def test_the_newest_logs_are_kept(engine: Engine, settings: Any) -> None:
    settings.III_LOGS_MAX = 3
    items = [{"body": {"stringValue": str(number)}} for number in range(5)]
    engine.telemetry.take(frame(request(*items)))
    assert [record.body for record in engine.telemetry.logs] == ["2", "3", "4"]


async def test_large_logs_take_bounded_memory(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_STORED_BYTES", 100_000)
    for _ in range(10):
        engine.telemetry.take(frame(request({"body": {"stringValue": "x" * 20_000}})))
    assert len(engine.telemetry.logs) == 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["3", "2", "1", "0"]),
        ({"limit": 2}, ["3", "2"]),
        ({"offset": 3, "limit": 2}, ["0"]),
        ({"offset": -1, "limit": -1}, []),
        ({"severity_min": 13}, ["3", "2"]),
        ({"severity_text": "error"}, ["3"]),
        ({"trace_id": "ab"}, ["1"]),
        ({"span_id": "cd"}, ["1"]),
        ({"start_time": 1001, "end_time": 1002.5}, ["2", "1"]),
        ({"_caller_worker_id": "x", "limit": None}, ["3", "2", "1", "0"]),
    ],
)
async def test_logs_are_listed(engine: Engine, query: Any, expected: list[str]) -> None:
    numbers = (5, 9, 13, 17)
    items: list[dict[str, Any]] = [
        {
            "timeUnixNano": str((1000 + index) * 1_000_000),
            "severityNumber": number,
            "body": {"stringValue": str(index)},
        }
        for index, number in enumerate(numbers)
    ]
    items[1] |= {"traceId": "ab", "spanId": "cd"}
    engine.telemetry.take(frame(request(*items)))
    answer = await ainvoke("engine::logs::list", query)
    assert [log["body"] for log in answer["logs"]] == expected
    assert answer["total"] >= len(expected)
    assert answer["timestamp"] > 1e12


async def test_the_list_tells_what_was_asked_and_can_be_cleared(engine: Engine) -> None:
    await ainvoke("engine::log::error", {"message": "m", "data": {"a": 1}})
    answer = await ainvoke("engine::logs::list", {"severity_min": 9})
    assert answer["query"] == {"severity_min": 9}
    assert (answer["total"], answer["logs"][0]["attributes"]) == (1, {"a": 1})
    assert await ainvoke("engine::logs::clear", {}) == {"success": True}
    assert (await ainvoke("engine::logs::list", {}))["total"] == 0


async def test_the_health_is_told(engine: Engine) -> None:
    answer = await ainvoke("engine::health::check", {})
    assert answer["status"] == "healthy"
    assert answer["workers"] == 0
