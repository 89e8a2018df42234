"""A person makes a token with rules in a real browser, on a desktop and on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import WorkerToken

from .browsing import MARKS, SIZES, assert_fits, follow, log_in, open_page

pytestmark = MARKS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_token_is_made_and_says_what_it_allows(
    live_server: Any, size: str, color_scheme: str
) -> None:
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme=color_scheme) as page:
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/iii_triggers/workertoken/add/")
        page.fill("#id_name", "partner")
        page.check("#id_restrict_calls")
        page.fill("#id_expose_functions", '{"match": "public::*", "regex": 1}')
        follow(page, "input[name=_continue]")
        errors = page.inner_text(".field-expose_functions .errorlist")
        assert "a filter has no key regex" in errors
        page.fill("#id_expose_functions", "public::*\nsvc::read")
        page.fill("#id_function_registration_prefix", "partner")
        page.check("#id_trigger_types_1")
        page.fill("#id_allowed_trigger_types", "http")
        follow(page, "input[name=_continue]")
        words = page.inner_text(".field-words")
        assert "It may call: public::*, svc::read." in words
        assert "as partner::*." in words
        assert "It binds triggers of these types: http." in words
        assert page.is_visible(".iii-token")
        assert_fits(page)
    assert WorkerToken.objects.get().allowed_trigger_types == ["http"]
