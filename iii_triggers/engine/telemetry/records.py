"""One log of a worker, as ``log`` triggers get it (trigger reference, section 8.1)."""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from msgspec import Struct, structs

from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.json_values import MAX_JSON_DEPTH, depth_of

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17}
"""Level and severity number of ``engine::log::*``."""

MAX_BODY_LENGTH = 32 * 1024
MAX_VALUES_BYTES = 64 * 1024
"""Attributes or resources that are larger, as JSON, are left out."""

MAX_NANOS = 2**63 - 1


class LogRecord(Struct, frozen=True, kw_only=True):
    """A log; ``attributes`` and ``resource`` are JSON objects, times are in nanoseconds."""

    timestamp_unix_nano: int
    observed_timestamp_unix_nano: int
    severity_number: int
    severity_text: str
    body: str
    attributes: dict[str, Any]
    trace_id: str | None
    span_id: str | None
    resource: dict[str, Any]
    service_name: str
    instrumentation_scope_name: str
    instrumentation_scope_version: str

    @property
    def level(self) -> str:
        """What the level of a trigger is compared to."""
        return self.severity_text.lower()


def logged(
    level: str,
    message: str,
    *,
    data: Any = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    service_name: str | None = None,
) -> LogRecord:
    """Return the log of a call of ``engine::log::<level>``."""
    now = time.time_ns()
    return trimmed(
        LogRecord(
            timestamp_unix_nano=now,
            observed_timestamp_unix_nano=now,
            severity_number=SEVERITIES[level],
            severity_text=level.upper(),
            body=message,
            attributes=data if isinstance(data, dict) else {},
            trace_id=trace_id or None,
            span_id=span_id or None,
            resource={},
            service_name=service_name or "unknown",
            instrumentation_scope_name="iii",
            instrumentation_scope_version=_engine_version(),
        )
    )


def trimmed(record: LogRecord) -> LogRecord:
    """Return a log that is small enough to keep a thousand of."""
    short = {
        name: getattr(record, name)[:512]
        for name in (
            *("severity_text", "service_name"),
            *("instrumentation_scope_name", "instrumentation_scope_version"),
        )
    }
    return structs.replace(
        record,
        **short,
        body=record.body[:MAX_BODY_LENGTH],
        attributes=_small(record.attributes),
        resource=_small(record.resource),
        trace_id=record.trace_id and record.trace_id[:64],
        span_id=record.span_id and record.span_id[:64],
        timestamp_unix_nano=_nanos(record.timestamp_unix_nano),
        observed_timestamp_unix_nano=_nanos(record.observed_timestamp_unix_nano),
    )


@cache
def _engine_version() -> str:
    try:
        return version("iii-triggers")
    except PackageNotFoundError:
        return ""


def _small(values: dict[str, Any]) -> dict[str, Any]:
    try:
        fits = depth_of(values) <= MAX_JSON_DEPTH and len(to_json(values)) <= MAX_VALUES_BYTES
    except (ValueError, TypeError, RecursionError, OverflowError):
        fits = False
    return values if fits else {}


def _nanos(value: int) -> int:
    return min(max(value, 0), MAX_NANOS)
