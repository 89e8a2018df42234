"""Addresses that no link leads to: told that there is nothing, on every database."""

from __future__ import annotations

import pytest
from django.test import Client

BASE = "/admin/iii_triggers/"
PAGES = ("worker", "function", "trigger", "stateitem", "streamitem", "configuration", "delivery")


@pytest.mark.parametrize("page", PAGES)
def test_a_nul_in_the_address_finds_nothing(owner: Client, page: str) -> None:
    # PostgreSQL fails when it is asked for a NUL character.
    for query in ("?worker=%00", "?runtime=%00", "?namespace=%00", "?q=a&state=%00", "?q=%00"):
        response = owner.get(f"{BASE}{page}/{query}", follow=True)
        assert response.status_code == 200
    response = owner.get(f"{BASE}{page}/%00/change/", follow=True)
    assert response.redirect_chain == [("/admin/", 302)]
