"""Databases of the Redis server that tests may empty: one for each who asks, also across processes.

Number 0, where people keep things, is never taken.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis

from .services import redis_url

NUMBERS = range(1, 16)


@contextmanager
def redis_database() -> Iterator[str]:
    """Yield the URL of an empty database that nobody else gets meanwhile; empty it at the end."""
    with ExitStack() as stack:
        number = next(number for number in NUMBERS if _locked(number, stack))
        url = urlsplit(redis_url())._replace(path=f"/{number}").geturl()
        server = stack.enter_context(redis.Redis.from_url(url))
        server.flushdb()
        stack.callback(server.flushdb)
        yield url


def _locked(number: int, stack: ExitStack) -> bool:
    """Take the lock of a database if it is free, until the stack is left."""
    path = Path(tempfile.gettempdir()) / f"iii-tests-redis-{number}.lock"
    lock = stack.enter_context(path.open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
