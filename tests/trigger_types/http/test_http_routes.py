"""Matching: which route serves a path, and that paths cannot play tricks."""

from __future__ import annotations

import pytest

from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.http.routes import Match, MethodNotAllowed, RouteTable
from tests.support.routes import candidate, table_of


def target_of(table, path, method="GET"):
    found = table.match(method, path)
    return found.target if isinstance(found, Match) else found


@pytest.mark.parametrize("pattern", ["users", "/users", "///users"])
def test_leading_slashes_of_a_pattern_mean_nothing(pattern):
    table = table_of(f"GET {pattern}")
    assert table.match("GET", b"/users") == Match(f"GET {pattern}", pattern, {}, "GET")


@pytest.mark.parametrize("pattern", ["", "/"])
def test_the_empty_pattern_is_the_root(pattern):
    assert target_of(table_of(f"GET {pattern}"), b"/") == f"GET {pattern}"


def test_a_path_may_be_text_or_bytes():
    table = table_of("GET caf\u00e9/:id")
    for path in (b"/caf%C3%A9/1", "/caf%C3%A9/1", "/caf\u00e9/1", "/caf\u00e9/1".encode()):
        assert table.match("GET", path).path_params == {"id": "1"}
    assert table.match("GET", "/caf\u00e9/\ud800") is None


def test_path_params_are_named_and_decoded_once():
    table = table_of("GET shops/:shop/items/:item.json")
    match = table.match("GET", b"/shops/a%20b+c/items/%252e%2525")
    assert match.path_params == {"shop": "a b+c", "item.json": "%2e%25"}
    assert match.pattern == "shops/:shop/items/:item.json"


def test_each_match_has_path_params_of_its_own():
    table = table_of("GET users")
    table.match("GET", b"/users").path_params["x"] = "y"
    assert table.match("GET", b"/users").path_params == {}


@pytest.mark.parametrize("path", [b"/users", b"/%75sers", b"/%75%73%65%72%73"])
def test_every_spelling_of_a_literal_matches(path):
    assert target_of(table_of("GET users"), path) == "GET users"


@pytest.mark.parametrize("pattern", ["a b", "a%20b"])
def test_a_pattern_may_be_written_encoded(pattern):
    assert target_of(table_of(f"GET {pattern}"), b"/a%20b") == f"GET {pattern}"
    assert target_of(table_of(f"GET {pattern}"), b"/a b") == f"GET {pattern}"


def test_a_percent_sign_in_a_literal_is_matched_by_its_encoding_only():
    table = table_of("GET 100%25")
    assert target_of(table, b"/100%25") == "GET 100%25"
    assert target_of(table, b"/100%2525") is None


@pytest.mark.parametrize(
    "path",
    [b"/Users", b"/users/", b"//users", b"users", b"", b"*", b"/users/1", b"/user", b"/users%00"],
)
def test_other_paths_are_unknown(path):
    assert target_of(table_of("GET users"), path) is None


def test_a_trailing_slash_is_significant():
    table = table_of("GET a/", "GET b/:x/")
    assert target_of(table, b"/a/") == "GET a/"
    assert target_of(table, b"/a") is None
    assert target_of(table, b"/b/1/") == "GET b/:x/"
    assert target_of(table, b"/b/1") is None


def test_a_param_is_one_segment_and_never_empty():
    table = table_of("GET users/:id", "GET :only", "GET a/:b/c")
    for path in (b"/users/", b"/users/1/2", b"/", b"//", b"/a//c", b"//users/1"):
        assert target_of(table, path) is None, path


@pytest.mark.parametrize("order", [1, -1])
def test_literals_beat_params_whatever_came_first(order):
    routes = ["GET users/me", "GET users/:id", "GET :any/me", "GET :any/:id"][::order]
    table = table_of(*routes)
    assert target_of(table, b"/users/me") == "GET users/me"
    assert target_of(table, b"/users/7") == "GET users/:id"
    assert target_of(table, b"/shops/me") == "GET :any/me"
    assert target_of(table, b"/shops/7") == "GET :any/:id"


def test_a_literal_that_leads_nowhere_is_given_up_for_a_param():
    table = table_of("GET a/b/c", "GET a/:x/d", "GET :y/b/e")
    assert table.match("GET", b"/a/b/d").path_params == {"x": "b"}
    assert table.match("GET", b"/a/b/e").path_params == {"y": "a"}
    assert target_of(table, b"/a/b/f") is None


def test_the_leftmost_literal_decides():
    table = table_of("GET :x/b", "GET a/:y")
    assert target_of(table, b"/a/b") == "GET a/:y"


def test_a_literal_of_another_method_does_not_hide_a_param():
    table = table_of("GET users/me", "POST users/:id")
    assert target_of(table, b"/users/me", "POST") == "POST users/:id"
    assert target_of(table, b"/users/me", "GET") == "GET users/me"


def test_a_known_path_with_another_method_lists_the_allowed_ones():
    table = table_of("POST users/:id", "DELETE users/me", "GET users/:id")
    assert table.match("PATCH", b"/users/me") == MethodNotAllowed(
        ("GET", "POST", "DELETE", "HEAD", "OPTIONS")
    )
    assert table.match("get", b"/users/1") == MethodNotAllowed(("GET", "POST", "HEAD", "OPTIONS"))


def test_head_is_answered_by_get_unless_it_has_a_route():
    table = table_of("GET users/:id", "POST things")
    assert table.match("HEAD", b"/users/1") == Match(
        "GET users/:id", "users/:id", {"id": "1"}, "GET"
    )
    assert table.match("HEAD", b"/things") == MethodNotAllowed(("POST", "OPTIONS"))
    table.add("HEAD", "users/:id", candidate("head"))
    assert table.match("HEAD", b"/users/1").method == "HEAD"


def test_options_is_left_to_the_caller_unless_it_has_a_route():
    table = table_of("GET a", "OPTIONS b")
    assert table.match("OPTIONS", b"/a") == MethodNotAllowed(("GET", "HEAD", "OPTIONS"))
    assert target_of(table, b"/b", "OPTIONS") == "OPTIONS b"
    assert table.match("OPTIONS", b"/c") is None


@pytest.mark.parametrize(
    "segment",
    [
        b"..",
        b"%2e%2e",
        b".%2E",
        b"%2e%2e%2f",
        b"%2e%2e%2fetc%2fpasswd",
        b"a%2fb",
        b"a%2Fb",
        b"%2f",
        b"..%5c..%5cetc",
        b"a%5c..",
        b"%00",
        b"a%00b",
        b"\x00",
        b"%ff",
        b"\xff",
        b"%c0%ae%c0%ae",
        b"%c0%af",
        b"%ed%a0%80",
    ],
)
def test_traversal_nul_and_broken_text_match_nothing(segment):
    table = table_of("GET files/:name", "GET :a/:b", "GET :a/:b/:c")
    assert target_of(table, b"/files/" + segment) is None
    assert target_of(table, b"/" + segment + b"/files") is None
    assert target_of(table, b"/files/ok") == "GET files/:name"


@pytest.mark.parametrize(
    ("segment", "value"),
    [(b"%252e%252e%252f", "%2e%2e%2f"), (b"v1..v2", "v1..v2"), (b"...", "..."), (b"%zz", "%zz")],
)
def test_what_only_looks_like_traversal_is_an_ordinary_value(segment, value):
    match = table_of("GET files/:name").match("GET", b"/files/" + segment)
    assert match.path_params == {"name": value}


@pytest.mark.parametrize(
    "pattern",
    [
        "files/*",
        "files/*rest",
        "users/{id}",
        "a*b",
        "a//b",
        "a/..",
        "../a",
        "%2e%2e/a",
        "a%2fb",
        "a%00",
        "a\0b",
        "a\r\nb",
        "a?b=c",
        "a#b",
        "%ff",
        "a/:",
        ":x/:x",
        "a\ud800",
        "x" * 2049,
        "/".join("x" * 65),
    ],
)
def test_a_bad_pattern_is_refused_on_its_field(pattern):
    table = RouteTable()
    with pytest.raises(InvalidConfig) as caught:
        table.add("GET", pattern, candidate("t"))
    assert caught.value.field == "api_path"
    assert str(caught.value).startswith("api_path ")
    assert table.match("GET", b"/files/x") is None


def test_the_longest_allowed_pattern_is_served():
    table = table_of("GET " + "/".join(["x" * 31] * 64))
    assert target_of(table, b"/" + b"/".join([b"x" * 31] * 64)) is not None
