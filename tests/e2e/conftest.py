"""One engine for each server and module, and the workers on it; their logs when a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from .engines import Engine
from .environments import SDKS, Sdk
from .fleet import Fleet
from .workers import Worker

NEWEST = {("pypi", "0.25.0"), ("npm", "0.22.1")}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave old SDKs to uvicorn: what they do differently has nothing to do with the server."""
    left = [item for item in items if _is_of_old_sdk_on_daphne(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _is_of_old_sdk_on_daphne(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    if callspec is None or callspec.params.get("engine") != "daphne":
        return False
    sdk = callspec.params.get("sdk")
    return isinstance(sdk, Sdk) and (sdk.registry, sdk.version) not in NEWEST


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the processes of a failed test wrote."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        fleet = item.funcargs.get("fleet")
        if isinstance(fleet, Fleet):
            for process in [*fleet.engine.runs[-2:], *fleet.started]:
                report.sections.append((f"log of {process.name}", process.tail()))
    return report


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A running engine on each server."""
    folder = tmp_path_factory.mktemp(f"engine-{request.param}")
    engine = Engine(server=request.param, folder=folder / "state")
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@pytest.fixture(scope="module")
def fleet(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The workers of the engine."""
    fleet = Fleet(engine, tmp_path_factory.mktemp("workers"))
    try:
        yield fleet
    finally:
        fleet.end()


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each SDK in turn."""
    chosen: Sdk = request.param
    return chosen


@pytest.fixture
def worker(fleet: Fleet, sdk: Sdk) -> Worker:
    """The shared worker of the SDK."""
    return fleet[sdk]


@pytest.fixture
def partner(fleet: Fleet, sdk: Sdk) -> Worker:
    """The shared worker of another SDK."""
    return fleet.partner_of(sdk)
