"""The function input made of a request."""

from __future__ import annotations

from time import process_time

import pytest

from iii_triggers.trigger_types.http.forms import parse_pairs
from iii_triggers.trigger_types.http.request import HttpRequest, build_input, visible_headers

ENVELOPE = {"path", "method", "path_params", "query_params", "headers", "body", "trigger"}


def request(**values):
    return HttpRequest(**{"method": "POST", "raw_path": b"/greet", "headers": [], **values})


def input_of(http_request, *, pattern="greet", path_params=None, body=None, pass_headers=()):
    return build_input(
        http_request,
        pattern=pattern,
        route_method=http_request.method,
        path_params=path_params or {},
        body=body,
        pass_headers=pass_headers,
    )


def test_the_input_is_the_envelope_and_the_keys_of_the_body():
    value = input_of(
        request(
            query_string=b"q=a+b", headers=[(b"host", b"x"), (b"content-type", b"application/json")]
        ),
        body={"name": "Ada"},
    )
    assert value == {
        "path": "/greet",
        "method": "POST",
        "path_params": {},
        "query_params": {"q": "a b"},
        "headers": {"host": "x", "content-type": "application/json"},
        "body": {"name": "Ada"},
        "trigger": {"type": "http", "path": "greet", "method": "POST"},
        "q": "a b",
        "name": "Ada",
    }


def test_path_is_the_decoded_request_path_and_trigger_describes_the_route():
    value = build_input(
        request(method="HEAD", raw_path=b"/users/a%20%C3%A9%252e"),
        pattern="users/:id",
        route_method="GET",
        path_params={"id": "a \u00e9%2e"},
        body=None,
    )
    assert (value["path"], value["method"]) == ("/users/a \u00e9%2e", "HEAD")
    assert value["trigger"] == {"type": "http", "path": "users/:id", "method": "GET"}
    assert value["id"] == "a \u00e9%2e"


def test_path_params_beat_the_body_and_the_body_beats_the_query():
    value = input_of(
        request(query_string=b"a=query&b=query&c=query"),
        path_params={"a": "path"},
        body={"a": "body", "b": "body"},
    )
    assert (value["a"], value["b"], value["c"]) == ("path", "body", "query")


def test_nothing_replaces_a_key_of_the_envelope():
    keys = [*ENVELOPE, "request_body", "response"]
    forged = dict.fromkeys(keys, "forged")
    query = "&".join(f"{key}=forged" for key in keys).encode()
    honest = input_of(request())
    for value in (
        input_of(request(query_string=query)),
        input_of(request(), body=forged),
        input_of(request(), path_params=forged),
    ):
        assert value.keys() == ENVELOPE
        for key in ENVELOPE - {"query_params", "body", "path_params"}:
            assert value[key] == honest[key], key


def test_the_body_itself_is_left_as_it_came():
    body = {"response": 1, "path": 2}
    assert input_of(request(), body=body)["body"] == {"response": 1, "path": 2}


@pytest.mark.parametrize("body", [None, 1, "text", [{"name": "Ada"}], True])
def test_a_body_that_is_no_object_adds_no_keys(body):
    value = input_of(request(), body=body)
    assert value.keys() == ENVELOPE
    assert value["body"] == body


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"a=1&a=2", {"a": "2"}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"=b", {"": "b"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"&&a=1&", {"a": "1"}),
        (b"a+b=c%2Bd+e", {"a b": "c+d e"}),
        (b"%C3%A9=%e2%82%ac", {"\u00e9": "\u20ac"}),
        (b"\xc3\xa9=1", {"\u00e9": "1"}),
        (b"a=%ff", {"a": "\ufffd"}),
        (b"a=%zz%4", {"a": "%zz%4"}),
        (b"a=%252e", {"a": "%2e"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a[]=1&a[]=2", {"a[]": "2"}),
    ],
)
def test_pairs_are_decoded_as_html_forms_encode_them(raw, pairs):
    assert parse_pairs(raw) == pairs


def test_a_megabyte_of_broken_escapes_is_decoded_quickly():
    start = process_time()
    assert parse_pairs(b"a=" + b"%" * 1_000_000) == {"a": "%" * 1_000_000}
    assert process_time() - start < 0.4


def test_of_a_repeated_header_the_last_one_wins():
    assert visible_headers([(b"x-a", b"1"), (b"x-a", b"2")]) == {"x-a": "2"}
    assert request(headers=[(b"x-a", b"1"), (b"x-a", b"2")]).header(b"x-a") == b"2"
    assert request().header(b"x-a") == b""


def test_a_header_may_hold_any_byte():
    assert visible_headers([(b"x-a", b"caf\xe9")]) == {"x-a": "caf\u00e9"}


WITHHELD = [
    b"cookie",
    b"authorization",
    b"proxy-authorization",
    b"proxy-connection",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-anything",
    b"forwarded",
    b"x-real-ip",
]


@pytest.mark.parametrize("name", WITHHELD)
def test_a_withheld_header_reaches_the_function_only_when_asked_for(name):
    http_request = request(headers=[(name, b"secret"), (b"accept", b"*/*")])
    assert input_of(http_request)["headers"] == {"accept": "*/*"}
    asked = input_of(http_request, pass_headers=frozenset({name}))["headers"]
    assert asked == {name.decode(): "secret", "accept": "*/*"}


def test_asking_for_one_header_passes_no_other():
    headers = [(name, b"secret") for name in WITHHELD]
    assert visible_headers(headers, pass_headers=frozenset({b"cookie"})) == {"cookie": "secret"}
