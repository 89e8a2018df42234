"""Text for a terminal: nothing in it moves the cursor, whoever chose the names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ESCAPES = {"\n": " ", "\r": " ", "\t": " "}


def printable(text: str) -> str:
    """Return one line without control characters.

    Names and errors come from workers: an escape sequence in one could rewrite what stands above.
    """
    if text.isprintable():
        return text
    return "".join(ESCAPES.get(one, one if one.isprintable() else "�") for one in text)


def cut(text: str, length: int) -> str:
    """Return at most ``length`` characters of a printable text, the last one an ellipsis."""
    line = printable(text[: 4 * length])
    return line if len(line) <= length else line[: length - 1] + "…"


def wants_colour(stream: Any) -> bool:
    """Tell whether to colour what is written: on a terminal, unless NO_COLOR says no.

    https://no-color.org: any value but an empty one.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR")


@contextmanager
def reader_may_go() -> Iterator[None]:
    """End what writes in peace when nobody reads any more, as in ``| head``."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python flushes at its end must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
