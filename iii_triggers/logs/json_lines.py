"""One JSON object a line, for whatever collects logs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from .facts import FIELDS, facts
from .plain import MAX_TEXT, plain, shortened

MAX_EXTRAS = 50
MAX_EXCEPTION = 32_768

OWN = frozenset({"time", "level", "logger", "message", "exception", "stack", *FIELDS})
"""Keys of a line that no ``extra`` may stand in for, but for those of ``FIELDS``."""
LEFT_OUT = frozenset({"request", "color_message"})
"""Extras of Django and uvicorn that repeat the message, or show query strings."""
OF_EVERY_RECORD = frozenset({*vars(logging.makeLogRecord({})), "asctime", "message", "taskName"})


class JsonFormatter(logging.Formatter):
    """Writes ``{"time", "level", "logger", "message", ...}``.

    The keys of ``FIELDS`` follow where they are known, then what the call gave as ``extra``, then
    ``exception`` and ``stack`` as text. Values that are no JSON become text, long ones are cut.
    Never raises.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without a line break."""
        try:
            return json.dumps(self._line(record))
        except Exception as error:  # noqa: BLE001 - a log that cannot be written must not break more
            return json.dumps({**_head(record), "message": f"Not to be formatted: {error!r}"[:500]})

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        known = facts(getattr(record, "invocation_id", ""))
        line = {**_head(record), "message": _message(record), **known, **_extras(record)}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            # The end tells more: that is where the error is.
            line["exception"] = record.exc_text[-MAX_EXCEPTION:]
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)[-MAX_EXCEPTION:]
        return line


def _head(record: logging.LogRecord) -> dict[str, Any]:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {
        "time": time.replace("+00:00", "Z"),
        "level": str(record.levelname),
        "logger": str(record.name),
    }


def _message(record: logging.LogRecord) -> str:
    try:
        return shortened(record.getMessage(), MAX_TEXT)
    except Exception:  # noqa: BLE001 - the arguments are the caller's, and may not fit
        return shortened(f"{record.msg!r} with {record.args!r}", MAX_TEXT)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    given = ((k, v) for k, v in vars(record).items() if k not in OF_EVERY_RECORD | LEFT_OUT)
    extras: dict[str, Any] = {}
    for key, value in given:
        if key in FIELDS:
            # "" is what the filter puts where nothing is known.
            extras |= {key: plain(value)} if value != "" else {}
        elif len(extras) < MAX_EXTRAS:
            extras[f"{key}_" if key in OWN else str(key)[:255]] = plain(value)
    return extras
