"""A site for each module and server; what its processes wrote when a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from .gates import Gate
from .sites import Site


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the latest processes of a failed test wrote."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for site in {value for value in item.funcargs.values() if isinstance(value, Site)}:
            for process in [*site.runs[-2:], *site.others[-3:]]:
                report.sections.append((f"log of {process.name}", process.tail()))
    return report


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A migrated site on each server, with nothing running."""
    folder = tmp_path_factory.mktemp(f"site-{request.param}") / "state"
    site = Site(server=request.param, folder=folder)
    try:
        yield site
    finally:
        site.end()


@pytest.fixture
def engine(site: Site) -> Site:
    """The site with its engine running."""
    site.ensure_started()
    return site


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is closed."""
    with Gate() as gate:
        yield gate
