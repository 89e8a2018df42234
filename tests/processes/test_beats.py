"""Two ``celery beat`` processes on one database, one of which is killed and comes back."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.processes import Process

from .sites import Site

pytestmark = pytest.mark.slow

CREATE = """
from iii_triggers.models import Trigger
Trigger.objects.create(
    trigger_id="{id}", trigger_type="cron", function_id="{id}", source="admin",
    config={{"schedule": "* * * * * *", "overlap": "allow"}},
)"""
DELETE = """
import time
from iii_triggers.models import Trigger
Trigger.objects.filter(trigger_id="first").delete()
print(time.time())"""


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(server="uvicorn", folder=tmp_path_factory.mktemp("site-beats") / "state")
    try:
        yield site
    finally:
        site.end()


def start_beat(site: Site, name: str) -> Process:
    scheduler = "iii_triggers.beat:TriggerScheduler"
    command = ["-m", "celery", "-A", "iii_project", "beat", "-S", scheduler, "--pidfile="]
    return site.spawn(name, [sys.executable, *command])


def slots(site: Site, trigger_id: str = "first") -> list[datetime]:
    with sqlite3.connect(site.database, timeout=20) as connection:
        query = (
            "SELECT scheduled_for FROM iii_triggers_delivery WHERE trigger_id = ? "
            "ORDER BY scheduled_for"
        )
        rows = connection.execute(query, [trigger_id]).fetchall()
    connection.close()
    return [datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in rows]


def wait_for_slots(site: Site, count: int, trigger_id: str = "first") -> None:
    """Wait until that many more slots have fired."""
    wanted = len(slots(site, trigger_id)) + count
    eventually(lambda: len(slots(site, trigger_id)), lambda found: found >= wanted)


def test_every_slot_fires_once_while_one_beat_dies_and_comes_back(site: Site) -> None:
    first = start_beat(site, "beat 1")
    start_beat(site, "beat 2")
    eventually(lambda: site.count("node", "kind = 'beat'"), lambda found: found == 2)
    # Not earlier: slots that a slow start misses by more than the grace are skipped.
    site.shell(CREATE.format(id="first"))
    wait_for_slots(site, 3)
    first.kill()
    wait_for_slots(site, 3)
    start_beat(site, "beat 3")
    wait_for_slots(site, 3)
    found = slots(site)
    assert found == [found[0] + timedelta(seconds=number) for number in range(len(found))]
    assert site.count("delivery", "state != 'queued'") == 0


def test_a_deleted_trigger_stops_and_a_new_one_starts_at_once(site: Site) -> None:
    beat = start_beat(site, "beat")
    site.shell(CREATE.format(id="first"))
    wait_for_slots(site, 1)
    deleted_at = float(site.shell(DELETE))
    site.shell(CREATE.format(id="second"))
    wait_for_slots(site, 3, "second")
    assert slots(site)[-1].timestamp() <= deleted_at
    beat.terminate()
    assert beat.wait() == 0
    assert site.count("node", "kind = 'beat'") == 0
