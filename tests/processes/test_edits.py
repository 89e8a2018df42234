"""An edit in the admin of one process is served by another at once: Redis carries the nudge."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from benchmarks.edits.admin import NEW_USER, Admin
from tests.e2e.eventually import eventually
from tests.e2e.processes import free_ports
from tests.support.redis_databases import redis_database

from .requests import send
from .sites import Site, wait_ready

pytestmark = pytest.mark.slow

WITHIN_S = 1.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose processes share a Redis and do not poll, with one engine running."""
    folder = tmp_path_factory.mktemp("site") / "state"
    site = Site(server="uvicorn", folder=folder, settings="tests.processes.nudged_settings")
    with redis_database() as url:
        site.configure(TEST_REDIS_URL=url)
        try:
            site.start()
            yield site
        finally:
            site.end()


def test_an_edit_in_the_admin_of_one_engine_serves_on_another(site: Site) -> None:
    site_port, http_port = free_ports(2)
    doors = ("--port", site_port, "--http-port", http_port)
    wait_ready(site.runengine(*doors, "--worker-port", 0, "--stream-port", 0))
    site.shell(NEW_USER)
    admin = Admin(site_port, function_id="site.where")
    # The first page and the first form take long: much of Django is imported for them.
    admin.add("first", "first")
    eventually(lambda: site.request("GET", "/first").status, lambda status: status == 200)
    admin.add("edited", "edited")
    saved = time.monotonic()
    eventually(lambda: site.request("GET", "/edited").status, lambda status: status == 200)
    assert time.monotonic() - saved < WITHIN_S
    assert send(http_port, "GET", "/edited").status == 200
