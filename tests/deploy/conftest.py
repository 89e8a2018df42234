"""A site on Redis for each module of recipes; what its processes wrote when a test fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.conftest import pytest_runtest_makereport
from tests.processes.sites import Site
from tests.support.redis_databases import redis_database

__all__ = ["pytest_runtest_makereport"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A migrated site with nothing running, whose processes reach each other."""
    folder = tmp_path_factory.mktemp("site") / "state"
    site = Site(server="uvicorn", folder=folder, settings="tests.deploy.settings")
    with redis_database() as url:
        site.configure(TEST_REDIS_URL=url)
        try:
            yield site
        finally:
            site.end()
