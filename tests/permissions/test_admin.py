"""Every page and action of the admin, asked for by everybody: who gets it, and who changes what.

Requests are written by hand, as somebody would who knows the addresses: what a page does not offer
is asked for all the same. A new page or action fails here until the table names it.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

from .admin_table import FIELDS, MATRIX, WITHOUT_EFFECT
from .cast import ACT, APP, ROLES, differences, make_clients
from .rows import make_rows, put_into_state, undone, written

Row = Model | None
Fields = dict[str, str]

PAGES: dict[str, ModelAdmin[Any]] = {
    model._meta.model_name or "": page
    for model, page in admin.site._registry.items()
    if model._meta.app_label == APP
}


def patterns(name: str) -> dict[str, URLPattern]:
    """Return the addresses of a model by the last part of their names."""
    prefix = f"{APP}_{name}_"
    found = {str(one.name): one for one in PAGES[name].get_urls() if one.name}
    assert all(key.startswith(prefix) for key in found), found
    return {key.removeprefix(prefix): one for key, one in found.items()}


def actions(name: str) -> set[str]:
    """Return the actions of a list, as somebody sees them who may do everything."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    return set(PAGES[name].get_actions(request))


def test_every_model_is_in_the_table() -> None:
    assert set(MATRIX) == set(PAGES)


@pytest.mark.parametrize("name", sorted(MATRIX))
def test_every_page_and_action_is_in_the_table(name: str) -> None:
    pages = {what.partition(" ")[0] for what in MATRIX[name]} - {"action"}
    listed = {what.partition(" ")[2] for what in MATRIX[name] if what.startswith("action ")}
    assert pages == set(patterns(name))
    assert listed == actions(name)


@pytest.mark.parametrize("name", sorted(MATRIX))
def test_each_gets_what_the_table_says_and_nothing_else(db: None, name: str) -> None:
    clients, row = make_clients(), make_rows().get(name)
    known: dict[str, set[str]] = {role: set() for role in ROLES}
    for what in MATRIX[name]:
        if row is not None:
            put_into_state(row, what.removeprefix("action ").removesuffix(" POST"))
        fields = form_fields(name, what, row)
        for role in ROLES:
            with undone():
                if is_done(clients[role], name, what, row, fields):
                    known[role].add(what)
    wrong = differences(known, MATRIX[name])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["delivery", "invocation"])
def test_a_payload_is_shown_to_those_only_who_may_see_it(db: None, name: str) -> None:
    clients, row = make_clients(), make_rows()[name]
    pages = {role: clients[role].get(address(name, "change", row)) for role in ROLES}
    seen = {role for role, page in pages.items() if b"&quot;total&quot;: 5" in page.content}
    assert seen == ACT


def is_done(
    client: Client, name: str, what: str, row: Model | None, fields: dict[str, str]
) -> bool:
    """Tell whether somebody gets what he asks for.

    A page: whether it is shown. Anything else: whether something changed; what was refused must
    have been refused with 403, 404, the login page, or a list that says that nothing was done.
    """
    path, _, method = what.partition(" ")
    with written() as writes:
        response = send(client, name, what, row, fields)
    assert response.status_code in {200, 302, 403, 404}, (what, response)
    if method != "GET" and f"{name} {path}" not in WITHOUT_EFFECT:
        return writes.rows > 0
    assert not writes.rows, f"{what} changed something"
    return response.status_code == 200


def send(client: Client, name: str, what: str, row: Row, fields: Fields) -> Any:
    """Send a request of the table."""
    path, _, method = what.partition(" ")
    if path == "action":
        assert row is not None
        data = {"action": method, ACTION_CHECKBOX_NAME: [row.pk], **fields}
        return client.post(reverse(f"admin:{APP}_{name}_changelist"), data)
    if method == "POST":
        return client.post(address(name, path, row), fields)
    return client.get(address(name, path, row))


def address(name: str, path: str, row: Row) -> str:
    """Return the address of a page, about the row where it is about one."""
    arguments = patterns(name)[path].pattern.converters
    known = dict.fromkeys(arguments, row.pk) if row is not None else {}
    return reverse(f"admin:{APP}_{name}_{path}", kwargs=known)


def form_fields(name: str, what: str, row: Row) -> Fields:
    """Return what a page would send that is filled in and may be sent."""
    path, _, method = what.partition(" ")
    if path in {"add", "change"} and method == "POST":
        return {**presented(name, path, row), **FIELDS.get(f"{name} {path}", {})}
    confirmed = {"post": "yes"} if "delete" in what else {}
    if what == "action replay_runs" and row is not None:
        confirmed = {"newest": str(row.pk), "oldest": str(row.pk)}
    return {**confirmed, **FIELDS.get(f"{name} {path}", {})}


def presented(name: str, path: str, row: Row) -> Fields:
    """Return the fields of a form as somebody finds them who may do everything."""
    with undone():
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        response = client.get(address(name, path, row))
    if response.status_code != 200:
        return {}
    fields = {one.html_name: one.value() for one in response.context["adminform"].form}
    return {key: str(value) for key, value in fields.items() if value not in (None, False)}
