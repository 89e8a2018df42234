"""Cross-origin requests: off by default, exact when on."""

from __future__ import annotations

import pytest

from iii_triggers.trigger_types.http.cors import add_cors_headers, cors_headers, preflight
from iii_triggers.trigger_types.http.request import HttpRequest
from iii_triggers.trigger_types.http.response import from_result

SHOP = "https://shop.example"


def request(origin=SHOP, *, method=b"POST", wanted=b"content-type, authorization"):
    headers = [(b"access-control-request-method", method)] if method else []
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    if wanted:
        headers.append((b"access-control-request-headers", wanted))
    return HttpRequest(method="OPTIONS", raw_path=b"/a", headers=headers)


def preflight_of(http_request, *allowed_origins):
    response = preflight(http_request, ("GET", "POST"), allowed_origins=allowed_origins)
    assert (response.status, response.body) == (204, b"")
    return dict(response.headers)


def is_cors(headers):
    return any(name.startswith(b"access-control-") for name in headers)


def test_with_cors_off_options_says_only_what_is_allowed():
    headers = preflight_of(request())
    assert headers == {b"allow": b"GET, POST", b"x-content-type-options": b"nosniff"}


def test_a_preflight_from_an_allowed_origin_is_granted():
    headers = preflight_of(request(), SHOP)
    assert headers[b"access-control-allow-origin"] == SHOP.encode()
    assert headers[b"access-control-allow-methods"] == b"GET, POST"
    assert headers[b"access-control-allow-headers"] == b"content-type, authorization"
    assert b"access-control-allow-credentials" not in headers


def test_any_origin_is_granted_by_a_star():
    assert preflight_of(request(), "*")[b"access-control-allow-origin"] == b"*"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", SHOP + ".evil.example", "http://shop.example", "null", "", None],
)
def test_other_origins_get_no_grant_and_caches_know(origin):
    headers = preflight_of(request(origin), SHOP)
    assert not is_cors(headers)
    assert headers[b"vary"] == b"origin"


def test_options_that_is_no_preflight_gets_no_methods():
    headers = preflight_of(request(method=None), SHOP)
    assert b"access-control-allow-methods" not in headers


@pytest.mark.parametrize("wanted", [b"a\r\nset-cookie: x", b"a: b", b"x" * 5000, b"\xff"])
def test_strange_wanted_headers_are_not_echoed(wanted):
    assert b"access-control-allow-headers" not in preflight_of(request(wanted=wanted), SHOP)


def test_an_answer_is_readable_for_allowed_origins_only():
    assert cors_headers(request(), allowed_origins=()) == []
    assert cors_headers(request("https://evil.example"), allowed_origins=[SHOP]) == [
        (b"vary", b"origin")
    ]
    assert cors_headers(request(), allowed_origins=[SHOP]) == [
        (b"access-control-allow-origin", SHOP.encode()),
        (b"vary", b"origin"),
    ]


def test_the_policy_of_the_site_replaces_the_functions():
    result = {
        "status_code": 200,
        "headers": {
            "access-control-allow-origin": "*",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "x-a",
        },
    }
    response = from_result(result)
    add_cors_headers(response, request(), allowed_origins=[SHOP])
    headers = dict(response.headers)
    assert headers[b"access-control-allow-origin"] == SHOP.encode()
    assert b"access-control-allow-credentials" not in headers
    assert headers[b"access-control-expose-headers"] == b"x-a"


def test_with_cors_off_an_answer_stays_as_the_function_made_it():
    response = from_result({"status_code": 200, "headers": {"access-control-allow-origin": "*"}})
    add_cors_headers(response, request(), allowed_origins=())
    assert (b"access-control-allow-origin", b"*") in response.headers
