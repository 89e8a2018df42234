"""Waiting for what no process announces: a condition asked for again until a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_S = 0.02


def eventually(ask: Callable[[], T], wanted: Callable[[T], bool], *, timeout_s: float = 15.0) -> T:
    """Return the first answer that is ``wanted``; fail with the last one at the deadline."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout_s} s"
        pause.wait(PAUSE_S)
    return answer
