"""Worker tokens in the admin: shown once, revoked for good."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from iii_triggers.models import WorkerToken

LIST = "/admin/iii_triggers/workertoken/"
TOKEN = re.compile(r"iii_[A-Za-z0-9_-]{43}")


def issue(client: Client, **values: Any) -> str:
    data = {"name": "billing", "expires_at_0": "", "expires_at_1": "", **values}
    page = client.post(LIST + "add/", data, follow=True).content.decode()
    found = TOKEN.search(page)
    assert found is not None, "the token is not shown"
    return found.group()


def test_a_new_token_is_shown_once_and_works(owner: Client) -> None:
    token = issue(owner)
    row = WorkerToken.objects.check_token(token)
    assert row is not None and row.name == "billing"
    for url in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        page = owner.get(url).content.decode()
        assert token not in page
        assert row.token_hash not in page
    assert token not in str(LogEntry.objects.values_list("change_message", "object_repr"))


def test_the_expiry_of_the_form_is_kept(owner: Client) -> None:
    issue(owner, expires_at_0="2099-01-02", expires_at_1="03:04:05")
    expires_at = WorkerToken.objects.get().expires_at
    assert expires_at is not None and expires_at.year == 2099


def test_editing_a_token_makes_no_new_one(owner: Client) -> None:
    token = issue(owner)
    row = WorkerToken.objects.get()
    data = {"name": "invoices", "expires_at_0": "", "expires_at_1": ""}
    owner.post(f"{LIST}{row.pk}/change/", data)
    row.refresh_from_db()
    assert row.name == "invoices"
    assert WorkerToken.objects.check_token(token) == row


def test_a_revoked_token_opens_nothing(owner: Client) -> None:
    token = issue(owner)
    row = WorkerToken.objects.get()
    data = {"action": "revoke", "_selected_action": [row.pk]}
    page = owner.post(LIST, data, follow=True).content.decode()
    assert "1 token was revoked." in page
    assert "</span> revoked</span>" in page
    assert WorkerToken.objects.check_token(token) is None
    assert LogEntry.objects.filter(object_id=str(row.pk), action_flag=2).count() == 1


def test_revoking_again_keeps_the_time_of_the_first(owner: Client) -> None:
    issue(owner)
    row = WorkerToken.objects.get()
    for _ in range(2):
        owner.post(LIST, {"action": "revoke", "_selected_action": [row.pk]})
    assert LogEntry.objects.filter(action_flag=2).count() == 1


def test_an_expired_token_reads_expired(owner: Client) -> None:
    WorkerToken.objects.issue("old", expires_at=timezone.now() - timedelta(days=1))
    assert "</span> expired</span>" in owner.get(LIST).content.decode()


@pytest.mark.parametrize("action", ["revoke", "delete_selected"])
def test_who_may_only_view_cannot_revoke(viewer: Client, action: str) -> None:
    row, _ = WorkerToken.objects.issue("billing")
    viewer.post(LIST, {"action": action, "_selected_action": [row.pk], "post": "yes"})
    assert WorkerToken.objects.valid().get() == row
    assert viewer.get(LIST + "add/").status_code == 403
