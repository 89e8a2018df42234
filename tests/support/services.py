"""The servers that some tests need: PostgreSQL, Redis and RabbitMQ, each looked for once.

``postgres_url()`` and its kin return where the server is, or skip the test and say why. With
``III_REQUIRE_SERVICES=1`` in the environment the test fails instead, as in ``.ci/run``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache

import pytest

POSTGRES = "postgres://postgres@127.0.0.1/postgres"
REDIS = "redis://127.0.0.1:6379/0"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"

CONNECT_S = 3


class ServiceUnavailable(Exception):
    """There is no such server; the message says where it was looked for."""


def are_required() -> bool:
    """Tell whether it is a failure that a server is missing."""
    return os.environ.get("III_REQUIRE_SERVICES") == "1"


def postgres_url() -> str:
    """Return the URL of a PostgreSQL database whose server lets the test create others.

    ``III_TEST_POSTGRES_URL`` says where it is; the default is this machine, user ``postgres``.
    """
    return _or_skip(find_postgres)


def redis_url() -> str:
    """Return the URL of a Redis; ``III_TEST_REDIS_URL`` says where it is."""
    return _or_skip(find_redis)


def rabbitmq_url() -> str:
    """Return the URL of a RabbitMQ; ``III_TEST_RABBITMQ_URL`` says where it is."""
    return _or_skip(find_rabbitmq)


@lru_cache(maxsize=1)
def find_postgres() -> str:
    """Return the URL of PostgreSQL or raise ServiceUnavailable."""
    return _answering(
        "PostgreSQL", os.environ.get("III_TEST_POSTGRES_URL", POSTGRES), _ask_postgres
    )


@lru_cache(maxsize=1)
def find_redis() -> str:
    """Return the URL of Redis or raise ServiceUnavailable."""
    return _answering("Redis", os.environ.get("III_TEST_REDIS_URL", REDIS), _ask_redis)


@lru_cache(maxsize=1)
def find_rabbitmq() -> str:
    """Return the URL of RabbitMQ or raise ServiceUnavailable."""
    return _answering("RabbitMQ", os.environ.get("III_TEST_RABBITMQ_URL", RABBITMQ), _ask_rabbitmq)


def _ask_postgres(url: str) -> None:
    import psycopg

    psycopg.connect(url, connect_timeout=CONNECT_S).close()


def _ask_redis(url: str) -> None:
    import redis

    with redis.Redis.from_url(url, socket_connect_timeout=CONNECT_S) as server:
        server.ping()


def _ask_rabbitmq(url: str) -> None:
    from kombu.connection import Connection

    with Connection(url, connect_timeout=CONNECT_S) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_S)


def _answering(name: str, url: str, ask: Callable[[str], None]) -> str:
    """Return the URL if the server there answers."""
    try:
        ask(url)
    except Exception as error:  # what clients raise, or that there is none
        lines = str(error).splitlines() or [type(error).__name__]
        raise ServiceUnavailable(f"no {name} at {url}: {lines[0]}") from error
    return url


def _or_skip(find: Callable[[], str]) -> str:
    try:
        return find()
    except ServiceUnavailable as reason:
        if are_required():
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))
