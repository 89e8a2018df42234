"""Every endpoint asks for its permissions: all of them together open it, none may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, resolve

from iii_triggers.api import urls
from tests.permissions.rows import make_rows

from .calling import API, problem, send
from .conftest import Login
from .endpoints import ENDPOINTS, Endpoint

Rows = dict[str, Model]


@pytest.fixture
def rows(db: None) -> Rows:
    return make_rows()


def routes() -> Iterator[tuple[str, str]]:
    """Yield the name of every route of the API with each of its methods."""
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        methods = getattr(pattern.callback, "actions", None) or {"get": "get"}
        if pattern.name != "nothing":
            yield from (
                (str(pattern.name), method.upper()) for method in methods if method != "head"
            )


def test_the_table_has_every_route_and_method(rows: Rows) -> None:
    found = [(resolve(API + each.path(rows)).url_name, each.method) for each in ENDPOINTS]
    assert sorted(found) == sorted(set(routes()))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_nobody_calls_without_logging_in(client: Client, rows: Rows, endpoint: Endpoint) -> None:
    response = send(client, endpoint.method, endpoint.path(rows), endpoint.body)
    assert problem(response, 401)["code"] == "not_authenticated"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_each_permission_is_needed(login: Login, rows: Rows, endpoint: Endpoint) -> None:
    needs = endpoint.needs.split()
    for missing in needs:
        client = login(*(name for name in needs if name != missing))
        response = send(client, endpoint.method, endpoint.path(rows), endpoint.body)
        assert problem(response, 403)["code"] == "permission_denied"


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.method == "GET"], ids=str)
def test_its_permissions_are_enough_to_look(login: Login, rows: Rows, endpoint: Endpoint) -> None:
    response = send(login(*endpoint.needs.split()), "GET", endpoint.path(rows))
    assert response.status_code == 200, response.content


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.method == "GET"], ids=str)
def test_people_see_a_page_of_it(root: Client, rows: Rows, endpoint: Endpoint) -> None:
    page = root.get(API + endpoint.path(rows), headers={"Accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = page.content.decode()
    assert "style=" not in text
    assert "<style" not in text


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.method != "GET"], ids=str)
def test_changes_need_the_csrf_token_in_a_session(
    login: Login, rows: Rows, endpoint: Endpoint
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = login(*endpoint.needs.split()).cookies
    response: Any = send(strict, endpoint.method, endpoint.path(rows), endpoint.body)
    assert "CSRF" in problem(response, 403)["detail"]
