"""Results of functions as HTTP answers, and what such an answer cannot do."""

from __future__ import annotations

import random
import re

import msgspec
import pytest

from iii_triggers.protocol.errors import InvocationFailed, SerializationFailed
from iii_triggers.trigger_types.http.response import (
    from_raw_json,
    from_result,
    may_be_full_response,
    no_content,
)

JSON_HEADERS = {"content-type": "application/json", "x-content-type-options": "nosniff"}


def headers_of(response):
    return {name.decode(): value.decode() for name, value in response.headers}


def full(headers=None, body="x", status=200, **options):
    return from_result({"status_code": status, "headers": headers, "body": body}, **options)


@pytest.mark.parametrize(
    "result",
    [
        {"message": "hi"},
        [],
        {},
        "text",
        7,
        False,
        {"status_code": "200"},
        {"status_code": 200.0},
        {"status_code": True},
        {"status_code": None},
        {"status_code": 99},
        {"statusCode": 1000},
        {"status": 201, "body": "x"},
        {"body": "x", "headers": {"a": "b"}},
        [{"status_code": 201}],
    ],
)
def test_any_other_value_is_the_json_body(result):
    response = from_result(result)
    body = msgspec.json.encode(result)
    assert (response.status, response.body) == (200, body)
    assert headers_of(response) == {**JSON_HEADERS, "content-length": str(len(body))}


def test_no_result_is_204_without_a_body():
    assert from_result(None) == no_content()
    assert no_content().status == 204
    assert no_content().body == b""
    assert "content-length" not in headers_of(no_content())


@pytest.mark.parametrize("key", ["status_code", "statusCode"])
def test_an_object_with_a_status_is_the_response(key):
    response = from_result({key: 201, "headers": {"X-A": "b", "x-n": 5}, "body": {"id": 1}})
    assert (response.status, response.body) == (201, b'{"id":1}')
    assert headers_of(response) == {
        **JSON_HEADERS,
        "x-a": "b",
        "x-n": "5",
        "content-length": "8",
    }


def test_a_sound_status_code_beats_status_code_in_camel_case():
    assert from_result({"status_code": 201, "statusCode": 202}).status == 201
    assert from_result({"status_code": "no", "statusCode": 202}).status == 202


def test_headers_may_be_a_list_with_repetitions():
    response = full(["X-A: 1", "x-a:2", "Location: http://x/", "no colon", ": no name", 7])
    assert response.headers[:3] == [(b"x-a", b"1"), (b"x-a", b"2"), (b"location", b"http://x/")]
    assert len(response.headers) == 6


@pytest.mark.parametrize("headers", [None, "X-A: 1", 7, True])
def test_headers_of_another_type_are_none(headers):
    assert headers_of(full(headers)) == {**JSON_HEADERS, "content-length": "3"}


@pytest.mark.parametrize(
    ("result", "body", "content_type"),
    [
        ({"body": "text"}, b'"text"', "application/json"),
        ({"body": None}, b"null", "application/json"),
        ({}, b"{}", "application/json"),
        ({"body": "<a/>", "headers": {"Content-Type": "text/csv"}}, b"<a/>", "text/csv"),
        ({"body": "\u00e9", "headers": ["content-type: a/b"]}, "\u00e9".encode(), "a/b"),
        (
            {"body": "{}", "headers": {"content-type": "application/json"}},
            b"{}",
            "application/json",
        ),
        ({"body": None, "headers": {"content-type": "text/plain"}}, b"", "text/plain"),
        ({"headers": {"content-type": "text/plain"}}, b"", "text/plain"),
        ({"body": {"a": 1}, "headers": {"content-type": "a/x+json"}}, b'{"a":1}', "a/x+json"),
    ],
)
def test_the_body_depends_on_the_content_type(result, body, content_type):
    response = from_result({"status_code": 200, **result})
    assert response.body == body
    assert headers_of(response)["content-type"] == content_type
    assert headers_of(response)["content-length"] == str(len(body))


def test_of_several_content_types_the_last_is_sent_alone():
    response = full(["content-type: text/plain", "content-type: text/csv"])
    types = [value for name, value in response.headers if name == b"content-type"]
    assert types == [b"text/csv"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_content_has_no_body(status):
    response = full({"etag": '"1"', "content-type": "text/plain"}, "body", status)
    assert (response.status, response.body) == (status, b"")
    assert headers_of(response) == {"etag": '"1"', "x-content-type-options": "nosniff"}


def test_reset_content_has_an_empty_body():
    response = full(None, "body", 205)
    assert response.body == b""
    assert headers_of(response)["content-length"] == "0"


@pytest.mark.parametrize("status", [100, 101, 103, 199, 600, 999])
def test_a_status_that_cannot_end_an_exchange_is_the_functions_failure(status):
    with pytest.raises(InvocationFailed) as caught:
        full(None, "x", status)
    assert caught.value.code == "INVALID_RESPONSE"


@pytest.mark.parametrize("status", [200, 299, 418, 599])
def test_every_final_status_is_sent(status):
    assert full(None, "x", status).status == status


@pytest.mark.parametrize("result", [object(), {"a": object()}, "\ud800", {1j: 2}])
def test_a_result_that_is_not_json_is_a_serialisation_error(result):
    with pytest.raises(SerializationFailed):
        from_result(result)
    with pytest.raises(SerializationFailed):
        full({}, result)
    with pytest.raises(SerializationFailed):
        full({"content-type": "text/plain"}, result)


def endless():
    value: list[object] = []
    value.append(value)
    return value


def test_a_result_that_contains_itself_is_a_serialisation_error():
    with pytest.raises(SerializationFailed):
        from_result(endless())


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "keep-alive",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Length",
        "X-Content-Type-Options",
        "X-Accel-Redirect",
        "X-Sendfile",
        "Set-Cookie",
    ],
)
@pytest.mark.parametrize("form", ["object", "list", "padded"])
def test_a_header_that_is_not_the_functions_to_set_is_dropped(name, form, caplog):
    headers = {
        "object": {name: "5secret"},
        "list": [f"{name}: 5secret"],
        "padded": {f" {name}\t": "5secret"},
    }[form]
    response = full(headers)
    assert headers_of(response) == {**JSON_HEADERS, "content-length": "3"}
    assert name.lower() in caplog.text
    assert "secret" not in caplog.text


def test_cookies_are_set_when_the_trigger_allows_it():
    response = full(["Set-Cookie: a=1", "Set-Cookie: b=2"], allow_set_cookie=True)
    cookies = [value for name, value in response.headers if name == b"set-cookie"]
    assert cookies == [b"a=1", b"b=2"]


@pytest.mark.parametrize("value", [None, True, {}, ["a"], "\ud800", "a\x00b", "a\x7fb", "a\rb"])
def test_a_header_value_that_cannot_be_sent_is_dropped(value):
    assert "x-a" not in headers_of(full({"x-a": value}))


def test_a_header_value_may_be_any_text():
    assert (b"x-a", "caf\u00e9 \u20ac\tx".encode()) in full(
        {"x-a": " caf\u00e9 \u20ac\tx "}
    ).headers


NASTY = ["\r\n", "\r", "\n", "\0", "\x0b", "\x0c", "\x85", "\u2028", " ", "\t", ":", "\u560a"]
LEGAL_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")


@pytest.mark.parametrize("form", ["object", "list"])
def test_no_header_can_inject_another(form):
    rng = random.Random(1)  # the same words on every run
    words = [*NASTY, "x-evil", "set-cookie", "a", "1", "content-length", "<script>"]
    for _ in range(3000):
        name, value = ("".join(rng.choices(words, k=rng.randint(1, 5))) for _ in range(2))
        headers = {name: value} if form == "object" else [f"{name}: {value}"]
        for sent_name, sent_value in full(headers).headers:
            assert LEGAL_NAME.fullmatch(sent_name)
            assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", sent_value)
            assert sent_name != b"set-cookie"
        assert sum(n == b"content-length" for n, _ in full(headers).headers) == 1


@pytest.mark.parametrize("name", ["x\r\ny", "x"])
@pytest.mark.parametrize("value", ["a\r\nb: c", "a\n"])
def test_split_headers_are_dropped(name, value):
    assert headers_of(full({name: value})) == {**JSON_HEADERS, "content-length": "3"}


ACTIVE = [
    "text/html",
    "TEXT/HTML; charset=utf-8",
    " text/html",
    "text/html;",
    "text/plain, text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
    "application/xml",
    "application/rss+xml",
    "text/xsl",
    "multipart/x-mixed-replace; boundary=x",
]


@pytest.mark.parametrize("content_type", ACTIVE)
def test_what_could_run_scripts_is_sandboxed(content_type):
    csp = "script-src 'unsafe-inline'"
    sent = {"content-type": content_type, "Content-Security-Policy": csp}
    headers = headers_of(full(sent, "<script>"))
    assert headers["content-security-policy"] == "sandbox"
    assert headers["content-type"] == content_type.strip()
    assert headers["x-content-type-options"] == "nosniff"
    allowed = headers_of(full(sent, "<script>", allow_html=True))
    assert allowed["content-security-policy"] == csp
    assert allowed["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "image/png", "text/css"]
)
def test_what_cannot_run_scripts_is_not_sandboxed(content_type):
    assert "content-security-policy" not in headers_of(full({"content-type": content_type}))


def test_raw_json_is_sent_as_it_is():
    response = from_raw_json(b'{ "a":1.0 }')
    assert (response.status, response.body) == (200, b'{ "a":1.0 }')
    assert headers_of(response) == {**JSON_HEADERS, "content-length": "11"}


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"status_code":201}',
        rb'{"a":1, "statusCode" : 201}',
        rb'{"\u0073tatus_code":201}',
        rb'{"status\u005fcode":201}',
        rb'{"statusCod\u0065":201}',
    ],
)
def test_every_spelling_of_a_full_response_is_suspected(raw):
    assert from_result(msgspec.json.decode(raw)).status == 201
    assert may_be_full_response(raw)


@pytest.mark.parametrize(
    "raw", [b'{"message":"the status_code"}', b"1", b'"text"', rb'{"a":"\u20ac"}']
)
def test_other_json_is_not_suspected(raw):
    assert not may_be_full_response(raw)
