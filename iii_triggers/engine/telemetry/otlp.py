"""Reads logs in OTLP/JSON, which SDKs send in binary frames that begin with ``LOGS``.

Writers disagree about details (numbers as text, missing parts), so whatever has the right shape is
read and the rest is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from iii_triggers.protocol.codec import to_json

from .records import LogRecord, trimmed

MAX_RECORDS = 5000
"""Logs of one frame that are read; SDKs send up to 512."""

MAX_DEPTH = 32


def records_of(request: Any) -> Iterator[LogRecord]:
    """Return the logs of an ``ExportLogsServiceRequest`` that was decoded from JSON."""
    return islice(_records(request), MAX_RECORDS)


def _records(request: Any) -> Iterator[LogRecord]:
    for of_resource in _objects(request, "resourceLogs"):
        resource = _values(_object(of_resource, "resource"))
        for of_scope in _objects(of_resource, "scopeLogs"):
            scope = _object(of_scope, "scope")
            for item in _objects(of_scope, "logRecords"):
                yield _record(item, resource, scope)


def _record(item: dict[str, Any], resource: dict[str, Any], scope: dict[str, Any]) -> LogRecord:
    attributes = _values(item)
    now = time.time_ns()
    observed = _number(item.get("observedTimeUnixNano")) or now
    number = _number(item.get("severityNumber"))
    service = resource.get("service.name", attributes.get("service.name"))
    return trimmed(
        LogRecord(
            timestamp_unix_nano=_number(item.get("timeUnixNano")) or observed,
            observed_timestamp_unix_nano=observed,
            severity_number=number,
            severity_text=_text(item.get("severityText")) or _name_of(number),
            body=_body(_value(item.get("body"))),
            attributes=attributes,
            trace_id=_id(item.get("traceId")),
            span_id=_id(item.get("spanId")),
            resource=resource,
            service_name=service if isinstance(service, str) and service else "unknown",
            instrumentation_scope_name=_text(scope.get("name")),
            instrumentation_scope_version=_text(scope.get("version")),
        )
    )


def _name_of(number: int) -> str:
    """Return the name of a severity: four numbers share each."""
    names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    return names[(number - 1) // 4] if 1 <= number <= 24 else ""


def _body(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value).decode()


def _values(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the ``attributes`` of something as an object."""
    found: dict[str, Any] = {}
    for pair in _objects(holder, "attributes"):
        key = pair.get("key")
        if isinstance(key, str):
            found[key] = _value(pair.get("value"))
    return found


def _value(value: Any, depth: int = 0) -> Any:
    """Return the JSON value that an ``AnyValue`` stands for; None for what is none."""
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return None
    for key, item in value.items():
        match key:
            case "stringValue" | "boolValue" | "doubleValue" | "bytesValue":
                return item if isinstance(item, (str, bool, int, float)) else None
            case "intValue":
                return _number(item)
            case "arrayValue":
                return [_value(one, depth + 1) for one in _list(item, "values")]
            case "kvlistValue":
                pairs = _objects(item, "values")
                return {str(p.get("key", "")): _value(p.get("value"), depth + 1) for p in pairs}
    return None


def _objects(holder: Any, key: str) -> list[dict[str, Any]]:
    return [item for item in _list(holder, key) if isinstance(item, dict)]


def _list(holder: Any, key: str) -> list[Any]:
    items = holder.get(key) if isinstance(holder, dict) else None
    return items if isinstance(items, list) else []


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any) -> str | None:
    """Return a trace or span id; empty and all-zero ids mean none."""
    text = _text(value).lower()
    return text if text.strip("0") else None


def _number(value: Any) -> int:
    """Return a whole number that may be written as text; 0 for anything else."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, (int, float)):
        return int(value)
    is_digits = isinstance(value, str) and len(value) <= 20
    return int(value) if is_digits and value.lstrip("-").isdecimal() else 0
