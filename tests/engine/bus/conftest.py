"""Two engines in one process, on one database and one channel layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from iii_triggers.engine import nodes
from iii_triggers.engine.bus import Bus
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.mirror import write_batch
from iii_triggers.engine.process import process_engine
from tests.support.layers import FakeLayer
from tests.support.workers import FakeWorker


@pytest.fixture
def layer() -> FakeLayer:
    """The layer that the engines share."""
    return FakeLayer()


@pytest.fixture
def make_layer(layer: FakeLayer) -> Callable[[], Any]:
    """Make the layer of an engine: the shared one."""
    return lambda: layer


@pytest.fixture
def make_engine(
    transactional_db: None,
    quiet: None,
    runner: asyncio.Runner,
    site: SiteFunctions,
    make_layer: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], Engine]]:
    """Start further engines; all of them have this process's id, and none is dead."""
    monkeypatch.setattr(nodes, "_lives", lambda node, *, late: True)
    engines: list[Engine] = []

    def make() -> Engine:
        engine = Engine(site=site, make_layer=make_layer)
        engines.append(engine)
        runner.run(engine.start())
        return engine

    yield make
    for engine in engines:
        runner.run(engine.stop())


@pytest.fixture
def here(make_engine: Callable[[], Engine]) -> Iterator[Engine]:
    """The engine that calls, the one of this process."""
    engine = make_engine()
    process_engine.replace(engine)
    yield engine
    process_engine.replace(None)


@pytest.fixture
def there(here: Engine, make_engine: Callable[[], Engine]) -> Engine:
    """An engine elsewhere."""
    return make_engine()


@pytest.fixture
def third(there: Engine, make_engine: Callable[[], Engine]) -> Engine:
    """Another engine elsewhere."""
    return make_engine()


@pytest.fixture
def offer(here: Engine) -> Callable[..., Awaitable[FakeWorker]]:
    """Connect a worker that the calling engine knows of: ``await offer(there, "f")``."""

    async def offer(engine: Engine, *function_ids: str, **facts: Any) -> FakeWorker:
        worker = FakeWorker(engine)
        await worker.introduce(**{"name": f"worker-{worker.id}", **facts})
        await worker.offer(*function_ids)
        await publish_rows(engine)
        await here.refresh()
        return worker

    return offer


async def publish_rows(engine: Engine) -> None:
    """Write what an engine has to write."""
    await engine.database.run(write_batch, engine.mirror.take())


def bus_of(engine: Engine) -> Bus:
    """Return the bus of an engine."""
    return engine.network.bus
