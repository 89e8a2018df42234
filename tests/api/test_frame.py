"""The frame: who may call at all, what is where, pages, parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from iii_triggers.models import Trigger, TriggerType

from .calling import API, fields, problem, send
from .conftest import Login

LIST = "trigger-types/"


@pytest.fixture
def token(root: Client) -> str:
    return Token.objects.create(user=User.objects.get(username="root")).key


@pytest.mark.parametrize("path", ["", LIST, "schema/"])
def test_strangers_are_told_how_to_log_in(client: Client, db: None, path: str) -> None:
    response = send(client, "GET", path)
    assert problem(response, 401)["code"] == "not_authenticated"
    assert response["WWW-Authenticate"] == "Token"


def test_a_token_lets_in(client: Client, token: str) -> None:
    response = client.get(API + LIST, headers={"Authorization": f"Token {token}"})
    assert response.status_code == 200


@pytest.mark.parametrize("header", ["Token", "Token nobody", "Token a b", "Token a\0b", "Token é"])
def test_another_token_does_not(client: Client, token: str, header: str) -> None:
    response = client.get(API + LIST, headers={"Authorization": header})
    assert problem(response, 401)["code"] == "authentication_failed"


def test_a_session_lets_in_and_needs_the_csrf_token_for_changes(root: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="root"))
    assert send(strict, "GET", LIST).status_code == 200
    refused = problem(send(strict, "POST", LIST, {}), 403)
    assert "CSRF" in refused["detail"]


def test_nothing_is_read_from_those_who_may_not_send_it(login: Login) -> None:
    problem(send(login("view_trigger"), "POST", "triggers/", "{"), 403)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = login("add_trigger").cookies
    strict.cookies["csrftoken"] = "x" * 32
    assert "CSRF" in problem(send(strict, "POST", "triggers/", "{"), 403)["detail"]


def test_without_the_permission_there_is_nothing_to_see(login: Login) -> None:
    assert problem(send(login(), "GET", LIST), 403)["code"] == "permission_denied"
    assert send(login("view_triggertype"), "GET", LIST).status_code == 200


def test_somebody_who_was_shut_out_has_no_way_in(client: Client, token: str) -> None:
    User.objects.update(is_active=False)
    response = client.get(API + LIST, headers={"Authorization": f"Token {token}"})
    problem(response, 401)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["nothing/", "trigger-types", "trigger-types/x/", "%00/", "a%0Ab"])
def test_an_unknown_path_is_a_problem(client: Client, db: None, method: str, path: str) -> None:
    assert problem(send(client, method, path), 404)["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_method_that_is_not_offered_is_a_problem(root: Client, method: str) -> None:
    response = send(root, method, LIST)
    assert problem(response, 405)["code"] == "method_not_allowed"
    assert response["Allow"] == "GET, HEAD"


def test_head_tells_what_get_would(root: Client) -> None:
    assert send(root, "HEAD", LIST).status_code == 200


def test_an_answer_nobody_can_give_is_a_problem(root: Client) -> None:
    response = root.get(API + LIST, headers={"Accept": "image/png"})
    assert problem(response, 406)["code"] == "not_acceptable"
    problem(root.get(API + LIST + "?format=png"), 404)


def test_pages_follow_each_other(root: Client) -> None:
    rows = TriggerType.objects.bulk_create([TriggerType(type_id=str(n)) for n in range(5)])
    seen, address = [], API + LIST + "?page_size=2"
    while address:
        page = root.get(address).json()
        assert len(page["results"]) <= 2
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert seen == sorted((row.pk for row in rows), reverse=True)


def test_a_page_is_one_query(root: Client, django_assert_num_queries: Any) -> None:
    TriggerType.objects.bulk_create([TriggerType(type_id=str(n)) for n in range(5)])
    with django_assert_num_queries(3) as queries:
        send(root, "GET", LIST)
    assert "django_session" in queries[0]["sql"]
    assert "auth_user" in queries[1]["sql"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sauce=admin", "sauce"),
        ("source=elsewhere", "source"),
        ("source=admin&source=code", "source"),
        ("namespace=%00", "namespace"),
        (f"namespace={'a' * 256}", "namespace"),
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=%D9%A1", "page_size"),
        ("page_size=", "page_size"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=1.5", "cursor"),
    ],
)
def test_a_bad_parameter_is_named(root: Client, query: str, parameter: str) -> None:
    document = problem(send(root, "GET", f"{LIST}?{query}"), 400)
    assert document["code"] == "invalid_parameter"
    assert list(fields(document)) == [parameter]


def test_a_cursor_that_no_id_reaches_is_no_failure(root: Client) -> None:
    response = send(root, "GET", f"{LIST}?cursor={'9' * 40}")
    assert response.status_code in (200, 400)


def test_the_site_has_its_own_settings_for_its_own_api(root: Client, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_RENDERER_CLASSES": [],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PAGINATION_CLASS": None,
        "EXCEPTION_HANDLER": "nowhere.at_all",
        "DATETIME_FORMAT": "%d",
        "UNICODE_JSON": False,
        "COMPACT_JSON": False,
    }
    TriggerType.objects.create(type_id="é")
    row = send(root, "GET", LIST).json()["results"][0]
    assert (row["type_id"], row["created_at"][-1]) == ("é", "Z")
    problem(send(root, "GET", LIST + "?a=b"), 400)


def test_people_see_pages(root: Client) -> None:
    TriggerType.objects.create(type_id="<script>")
    page = root.get(API + LIST, headers={"Accept": "text/html"}).content.decode()
    assert "<h1>" in page
    assert "Not Found" not in page
    assert "&lt;script&gt;" in page
    assert "style=" not in page
    assert "<style" not in page
    refused = root.get(API + LIST + "?a=b", headers={"Accept": "text/html"})
    assert (refused.status_code, refused["Content-Type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.parametrize("query", ["", "?format=api"])
def test_pages_lead_back_to_the_first_page(root: Client, query: str) -> None:
    page = root.get(API + LIST + query, headers={"Accept": "text/html"}).content.decode()
    trail = page.partition('class="breadcrumb"')[2].partition("</ul>")[0]
    assert re.findall(r'href="([^"?]*)[^"]*">([^<]*)<', trail) == [
        (API, "REST API"),
        (API + LIST, "Trigger Type List"),
    ]


def test_no_cache_of_the_site_keeps_an_answer(client: Client, token: str, settings: Any) -> None:
    cached = ["UpdateCacheMiddleware", *settings.MIDDLEWARE, "FetchFromCacheMiddleware"]
    settings.MIDDLEWARE = [
        name if "." in name else f"django.middleware.cache.{name}" for name in cached
    ]
    header = {"Authorization": f"Token {token}"}
    response = client.get(API + LIST, headers=header)
    assert (response.status_code, "no-store" in response["Cache-Control"]) == (200, True)
    Token.objects.all().delete()
    problem(client.get(API + LIST, headers=header), 401)


def test_a_body_of_unknown_length_is_refused_rather_than_ignored(root: Client) -> None:
    trigger = Trigger.objects.create(trigger_type="x", function_id="f")
    response = root.generic(
        "PATCH",
        f"{API}triggers/{trigger.pk}/",
        '{"enabled": false}',
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked", "Content-Length": ""},
    )
    assert problem(response, 411)["code"] == "length_required"
