"""Addresses that no link leads to: told that there is nothing, on every database."""

from __future__ import annotations

import pytest
from django.test import Client

BASE = "/admin/iii_triggers/"
LIVE = ("worker", "function", "trigger", "delivery", "invocation")
PAGES = (*LIVE, "stateitem", "streamitem", "configuration")


@pytest.mark.parametrize("page", PAGES)
def test_a_nul_in_the_address_finds_nothing(owner: Client, page: str) -> None:
    # PostgreSQL fails when it is asked for a NUL character.
    for query in ("?worker=%00", "?runtime=%00", "?namespace=%00", "?q=a&state=%00", "?q=%00"):
        response = owner.get(f"{BASE}{page}/{query}", follow=True)
        assert response.status_code == 200
    response = owner.get(f"{BASE}{page}/%00/change/", follow=True)
    assert response.redirect_chain == [("/admin/", 302)]


@pytest.mark.parametrize("selected", ["x", "\0", "00000000-0000-7000-8000-00000000000g"])
@pytest.mark.parametrize("page", ["delivery", "trigger"])
def test_a_crafted_selection_leads_back_to_the_list(
    owner: Client, page: str, selected: str
) -> None:
    action = {"delivery": "redrive", "trigger": "enable"}[page]
    data = {"action": action, "_selected_action": [selected]}
    response = owner.post(f"{BASE}{page}/", data)
    assert (response.status_code, response["Location"]) == (302, f"{BASE}{page}/?e=1")
