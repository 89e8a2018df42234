"""A page follows a stream as the documentation says, and a person deletes an item in the admin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import StreamItem
from iii_triggers.sdk import init
from iii_triggers.store.items import stream_items
from tests.e2e.engines import Engine
from tests.e2e.environments import REPOSITORY

from .browsing import MARKS, SIZES, follow, forbid_inline_code, log_in, open_page

pytestmark = MARKS

WIDTH = "document.documentElement.scrollWidth"
LIST = "/admin/iii_triggers/streamitem/"
SNIPPET = re.compile(r"^```js\n(?P<code>const socket.*?)^```$", re.M | re.S)


def snippet(url: str) -> str:
    """Return the snippet of the documentation, for another address."""
    found = SNIPPET.search((REPOSITORY / "docs" / "streams.md").read_text())
    assert found is not None
    return found["code"].replace("ws://127.0.0.1:3112", url)


def test_the_snippet_of_the_documentation_follows_a_stream(tmp_path: Path) -> None:
    engine = Engine(server="uvicorn", folder=tmp_path / "engine")
    try:
        engine.start()
        item = {"stream_name": "user-events", "group_id": "all", "item_id": "1"}
        with open_page(width=800, height=600) as page, init(engine.worker_url) as worker:
            with page.expect_console_message() as first:
                # Its last value is a function, which would be called.
                page.evaluate(f"{snippet(engine.stream_url)};0")
            assert first.value.args[0].json_value()["event"] == {"type": "sync", "data": []}
            with page.expect_console_message() as second:
                worker.call("stream::set", {**item, "data": {"name": "Ada"}})
            message = second.value.args[0].json_value()
        assert (message["streamName"], message["groupId"], message["id"]) == (*item.values(),)
        assert message["event"] == {"type": "create", "data": {"name": "Ada"}}
    finally:
        for run in engine.runs:
            run.kill()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_an_item_is_found_looked_at_and_deleted(
    live_server: Any, size: str, color_scheme: str
) -> None:
    User.objects.create_superuser("ada", password="secret")
    stream_items.set(("todos", "inbox"), "k" * 300, b'{"text":"<b>milk</b>","n":[1,2]}')
    stream_items.set(("chat", "lobby"), "1", b'"hello"')
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme=color_scheme) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(f"{live_server.url}{LIST}")
        cell = page.locator("#result_list .field-item").last
        assert cell.inner_text() == "k" * 30 + "…"
        page.goto(f"{live_server.url}{LIST}?stream=todos")
        assert page.locator("#result_list tbody tr").count() == 1
        assert page.evaluate(WIDTH) <= width
        follow(page, "#result_list tbody tr:first-child th a")
        assert '"text": "<b>milk</b>"' in page.inner_text(".iii-json")
        assert page.evaluate(WIDTH) <= width
        follow(page, "a.deletelink")
        follow(page, "input[type=submit]")
        assert "was deleted successfully" in page.inner_text(".messagelist")
    assert [item.stream_name for item in StreamItem.objects.all()] == ["chat"]
