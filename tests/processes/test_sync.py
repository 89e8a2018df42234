"""What another process does to the rows of triggers serves within a second."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.eventually import eventually

from .sites import Site

pytestmark = pytest.mark.slow

WITHIN_S = 1.0
CREATE = """
Trigger.objects.create(
    trigger_id="edited", trigger_type="http", function_id="site.where", source="admin",
    config={"api_path": "edited", "http_method": "GET"},
)"""
MOVE = 'row.config = {"api_path": "moved/:name", "http_method": "GET"}; row.save()'
DISABLE = "row.enabled = False; row.save()"
ENABLE = "row.enabled = True; row.save()"
DELETE = "row.delete()"


def change(engine: Site, code: str, *, path: str, status: int) -> None:
    """Change rows in another process and assert that ``path`` answers so within a second."""
    script = f"""
import time
from iii_triggers.models import Trigger
row = Trigger.objects.filter(trigger_id="edited").first()
{code}
print(time.time())"""
    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(engine.shell, script)
        eventually(lambda: engine.request("GET", path).status, lambda found: found == status)
        took_s = time.time() - float(saved.result())
    assert took_s < WITHIN_S


def test_an_edited_trigger_serves_within_a_second(engine: Site) -> None:
    assert engine.request("GET", "/edited").status == 404
    change(engine, CREATE, path="/edited", status=200)
    change(engine, DISABLE, path="/edited", status=404)
    change(engine, ENABLE, path="/edited", status=200)
    change(engine, MOVE, path="/moved/Ada", status=200)
    assert engine.request("GET", "/edited").status == 404
    change(engine, DELETE, path="/moved/Ada", status=404)
