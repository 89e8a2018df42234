"""A database, an event loop and engines for the tests; ``async def`` tests run on that loop."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from iii_triggers.delivery.topics import forget_topics
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.mirror import write_batch
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node, Worker

from .support.parallel import put_slow_first, shown
from .support.workers import FakeWorker

TEST_DEADLINE_S = 20
NEVER_S = 3600


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Give every ``async def`` test an event loop; sort what several processes share.

    That comes last: pytest-django sorts too.
    """
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "runner")
    yield
    if hasattr(config, "workerinput"):  # one of several processes, says pytest-xdist
        put_slow_first(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests want to be seen."""
    for text in shown(terminalreporter):
        terminalreporter.write_line(f"\n{text}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test on the loop of its fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    runner: asyncio.Runner = pyfuncitem.funcargs["runner"]
    runner.run(asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_DEADLINE_S))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop that outlives the single ``run``."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database without a transaction around the test, because engines use threads.

    In place of pytest-django's: rows are deleted afterwards, where that one truncates tables,
    which takes a second on PostgreSQL.
    """
    with django_db_blocker.unblock():
        yield
        with transaction.atomic():
            for model in apps.get_models(include_auto_created=True):
                if model not in (ContentType, Permission):
                    model._base_manager.all()._raw_delete("default")
        connection.close()


@pytest.fixture(autouse=True)
def no_known_topics() -> None:
    """Whatever topics the process has seen: the rows of another test are gone."""
    forget_topics()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Engines whose loops do nothing by themselves: a test polls and writes when it says so."""
    with override_settings(
        III_SYNC_INTERVAL_S=NEVER_S,
        III_WRITE_INTERVAL_S=NEVER_S,
        III_HEARTBEAT_INTERVAL_S=NEVER_S,
        III_HISTORY_INTERVAL_S=NEVER_S,
        III_SHUTDOWN_GRACE_S=0,
    ):
        yield


@pytest.fixture
def site() -> SiteFunctions:
    """What the site declares: nothing, until the test says so."""
    return SiteFunctions()


@pytest.fixture
def engine(
    transactional_db: None, quiet: None, runner: asyncio.Runner, site: SiteFunctions
) -> Iterator[Engine]:
    """A running engine, the one of this process, on the loop of the test."""
    engine = Engine(site=site)
    process_engine.replace(engine)
    runner.run(engine.start())
    yield engine
    runner.run(engine.stop())
    process_engine.replace(None)


@pytest.fixture
def connect(engine: Engine) -> Callable[..., Awaitable[FakeWorker]]:
    """Connect a worker that introduces itself and offers functions: ``await connect("f")``."""

    async def connect(*function_ids: str, **facts: Any) -> FakeWorker:
        worker = FakeWorker(engine)
        await worker.introduce(**{"name": f"worker-{len(engine.connections)}", **facts})
        await worker.offer(*function_ids)
        return worker

    return connect


@pytest.fixture
def flush(engine: Engine) -> Callable[[], Awaitable[None]]:
    """Write what waits to be written to the database."""

    async def flush() -> None:
        await engine.database.run(write_batch, engine.mirror.take())

    return flush


@pytest.fixture
def make_worker() -> Callable[[], Worker]:
    """Make rows of workers on another node."""

    def make_worker() -> Worker:
        now = timezone.now()
        node, _ = Node.objects.get_or_create(
            node_id="other",
            defaults={"host": "elsewhere", "pid": 1, "started_at": now, "heartbeat_at": now},
        )
        return Worker.objects.create(
            worker_id=str(uuid.uuid4()), node=node, name="w", connected_at=now, last_seen=now
        )

    return make_worker
