"""The newest logs of this process, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from iii_triggers.conf import settings

from .records import LogRecord

MAX_STORED_BYTES = 32 * 1024 * 1024
"""How much all logs together may take, about."""

DEFAULT_PAGE = 100


class LogQuery(Struct, omit_defaults=True):
    """Which logs: times in milliseconds, both ends included; the newest come first."""

    start_time: int | float | None = None
    end_time: int | float | None = None
    trace_id: str | None = None
    span_id: str | None = None
    severity_min: int | None = None
    severity_text: str | None = None
    offset: int | None = None
    limit: int | None = None

    def asks_for(self, record: LogRecord) -> bool:
        """Tell whether a log is one of those."""
        at_ms = record.timestamp_unix_nano / 1_000_000
        return (
            (self.start_time is None or at_ms >= self.start_time)
            and (self.end_time is None or at_ms <= self.end_time)
            and self.trace_id in (None, record.trace_id)
            and self.span_id in (None, record.span_id)
            and (self.severity_min is None or record.severity_number >= self.severity_min)
            and (self.severity_text is None or record.level == self.severity_text.lower())
        )


class LogStore:
    """Keeps ``III_LOGS_MAX`` logs; the oldest go first."""

    def __init__(self) -> None:
        self._records: deque[tuple[int, LogRecord]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[LogRecord]:
        return (record for _, record in self._records)

    def add(self, record: LogRecord, size: int) -> None:
        """Keep a log that is ``size`` bytes of JSON."""
        self._records.append((size, record))
        self._bytes += size
        while self._bytes > MAX_STORED_BYTES or len(self._records) > settings.III_LOGS_MAX:
            self._bytes -= self._records.popleft()[0]

    def clear(self) -> None:
        """Forget all of them."""
        self._records.clear()
        self._bytes = 0

    def find(self, query: LogQuery) -> tuple[list[dict[str, object]], int]:
        """Return a page of the logs that are asked for, and how many there are in all."""
        found = [record for _, record in reversed(self._records) if query.asks_for(record)]
        offset = max(query.offset or 0, 0)
        limit = DEFAULT_PAGE if query.limit is None else max(query.limit, 0)
        page = found[offset : offset + limit]
        return [msgspec.to_builtins(record) for record in page], len(found)
