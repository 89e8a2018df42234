"""Brokers of their own for tests: a database of Redis, a virtual host of RabbitMQ."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.support.redis_databases import redis_database
from tests.support.services import rabbitmq_url

from .cables import Cable

VHOST = f"iii_tests_{os.getpid()}"


@contextmanager
def redis_broker() -> Iterator[tuple[str, Cable]]:
    """Yield the URL of an empty Redis database and the cable that leads there."""
    with redis_database() as found:
        url = urlsplit(found)
        with Cable(url.hostname or "", url.port or 6379) as cable:
            yield f"redis://127.0.0.1:{cable.port}{url.path}", cable


@contextmanager
def rabbitmq_broker() -> Iterator[tuple[str, Cable]]:
    """Yield the URL of an empty virtual host and the cable that leads there."""
    url = urlsplit(rabbitmq_url())
    if shutil.which("rabbitmqctl") is None:
        pytest.skip("there is no rabbitmqctl, which makes a virtual host for the test")
    user, password = url.username or "guest", url.password or "guest"
    _rabbitmqctl("add_vhost", VHOST)
    _rabbitmqctl("set_permissions", "-p", VHOST, user, ".*", ".*", ".*")
    try:
        with Cable(url.hostname or "", url.port or 5672) as cable:
            yield f"amqp://{user}:{password}@127.0.0.1:{cable.port}/{VHOST}", cable
    finally:
        _rabbitmqctl("delete_vhost", VHOST)


def _rabbitmqctl(*words: str) -> None:
    done = subprocess.run(["rabbitmqctl", "-q", *words], capture_output=True, text=True, timeout=60)
    if done.returncode:
        pytest.skip(f"rabbitmqctl {words[0]} failed: {done.stderr.strip()}")
