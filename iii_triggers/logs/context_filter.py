"""Gives formatters of any kind the names of ``FIELDS``."""

from __future__ import annotations

import logging

from iii_triggers.protocol.text import one_line

from .facts import FIELDS, facts


class ContextFilter(logging.Filter):
    """Puts what is known of the run on every record; what is not known is "".

    It belongs on handlers: filters of loggers do not see what comes from loggers below. On a
    handler with a queue it notes what the thread that writes later could not know.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass; what the call gave as ``extra`` stays."""
        known = facts(getattr(record, "invocation_id", ""))
        for name in FIELDS:
            value = getattr(record, name, known.get(name, ""))
            # Workers choose ids: a line of text must not look like two.
            setattr(record, name, one_line(value) if isinstance(value, str) else value)
        return True
