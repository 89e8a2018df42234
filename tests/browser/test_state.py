"""A person edits a value that functions keep, and a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.engine.process import process_engine
from iii_triggers.models import Configuration, StateItem
from iii_triggers.store.items import state_items

from .browsing import MARKS, SIZES, follow, forbid_inline_code, log_in, open_page

pytestmark = MARKS

ADMIN = "/admin/iii_triggers"
FIRST = "#result_list tbody tr:first-child th a"


@pytest.fixture(autouse=True)
def background_engine(transactional_db: None) -> Iterator[None]:
    """The engine that an edit starts in the process of the site ends with the test."""
    yield
    process_engine.stop_in_background()
    process_engine.replace(None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", SIZES)
def test_a_value_is_found_edited_and_kept(live_server: Any, size: str) -> None:
    User.objects.create_superuser("ada", password="secret")
    state_items.set(("carts",), "k" * 300, b'{"items":[]}')
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(f"{live_server.url}{ADMIN}/stateitem/?scope=carts")
        assert page.evaluate("document.querySelector('.results').scrollWidth") <= width * 2
        follow(page, FIRST)
        assert page.input_value("#id_value") == '{\n  "items": []\n}'
        page.fill("#id_value", '{"items": [')
        follow(page, "input[name=_continue]")
        assert "This is not valid JSON" in page.inner_text(".errorlist")
        assert page.input_value("#id_value") == '{"items": ['
        page.fill("#id_value", '{"items": ["tea"]}')
        follow(page, "input[name=_continue]")
        assert "was changed successfully" in page.inner_text(".messagelist")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert StateItem.objects.get().value == '{"items":["tea"]}'


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", SIZES)
def test_a_configuration_is_edited_within_its_schema(live_server: Any, size: str) -> None:
    User.objects.create_superuser("ada", password="secret")
    schema = {"type": "object", "properties": {"port": {"type": "integer", "minimum": 1}}}
    Configuration.objects.create(config_id="mail", schema=schema, value='{"host": "${HOST}"}')
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}{ADMIN}/configuration/")
        follow(page, FIRST)
        assert "HOST: not in III_CONFIGURATION_ENV" in page.inner_text(".field-variables")
        page.fill("#id_value", '{"port": 0}')
        follow(page, "input[name=_continue]")
        assert "less than the minimum" in page.inner_text(".errorlist")
        page.fill("#id_value", '{"port": 25}')
        follow(page, "input[name=_continue]")
        assert "was changed successfully" in page.inner_text(".messagelist")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Configuration.objects.get().value == '{"port":25}'
