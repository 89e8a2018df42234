"""The config of an http trigger."""

from __future__ import annotations

import jsonschema
import pytest

from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.http.config import CONFIG_SCHEMA, HttpConfig, parse_config

FULL = {
    "api_path": "users/:id",
    "http_method": "POST",
    "condition_function_id": "users.may",
    "middleware_function_ids": ["auth.check", "limits.check"],
    "timeout_ms": 5000,
    "max_body_bytes": 1024,
    "pass_headers": ["Authorization", "x-forwarded-for"],
    "allow_set_cookie": True,
    "allow_html": True,
}


def test_a_full_config_is_parsed():
    assert parse_config(FULL) == HttpConfig(
        api_path="users/:id",
        http_method="POST",
        condition_function_id="users.may",
        middleware_function_ids=("auth.check", "limits.check"),
        timeout_ms=5000,
        max_body_bytes=1024,
        pass_headers=frozenset({b"authorization", b"x-forwarded-for"}),
        allow_set_cookie=True,
        allow_html=True,
    )


def test_only_the_path_is_required_and_the_rest_has_defaults():
    config = parse_config({"api_path": "/users"})
    assert config == HttpConfig(api_path="/users")
    assert (config.http_method, config.timeout_ms, config.pass_headers) == (
        "GET",
        None,
        frozenset(),
    )


def test_unknown_keys_and_nulls_are_ignored():
    config = {"api_path": "a", "middleware_function_ids": [], **dict.fromkeys(list(FULL)[1:])}
    assert parse_config(config) == HttpConfig(api_path="a")


@pytest.mark.parametrize("config", [None, {}, [], "users", {"api_path": None}, {"api_path": 7}])
def test_a_missing_path_has_the_text_sdks_know(config):
    with pytest.raises(InvalidConfig) as caught:
        parse_config(config)
    assert str(caught.value) == "api_path is required for http triggers"
    assert caught.value.field == "api_path"


@pytest.mark.parametrize("method", ["post", "Post", "POST"])
def test_the_method_is_upper_cased(method):
    assert parse_config({"api_path": "a", "http_method": method}).http_method == "POST"


@pytest.mark.parametrize(
    "key",
    [
        "condition_function_id",
        "_condition_path",
        "condition_function_path",
        "_condition_function_id",
    ],
)
def test_the_condition_function_has_four_spellings(key):
    assert parse_config({"api_path": "a", key: "f"}).condition_function_id == "f"


def test_an_empty_condition_is_none():
    assert parse_config({"api_path": "a", "_condition_path": ""}).condition_function_id is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_path", "files/*"),
        ("http_method", "TRACE"),
        ("http_method", ""),
        ("http_method", 1),
        ("condition_function_id", 1),
        ("_condition_path", ["f"]),
        ("timeout_ms", 0),
        ("timeout_ms", -1),
        ("timeout_ms", True),
        ("timeout_ms", "5000"),
        ("timeout_ms", 1.5),
        ("timeout_ms", 24 * 60 * 60 * 1000 + 1),
        ("max_body_bytes", 0),
        ("max_body_bytes", False),
        ("pass_headers", "cookie"),
        ("pass_headers", [1]),
        ("pass_headers", ["x-forwarded-*"]),
        ("pass_headers", ["a b"]),
        ("pass_headers", [""]),
        ("allow_set_cookie", 1),
        ("allow_html", "yes"),
        ("middleware_function_ids", "auth.check"),
        ("middleware_function_ids", [""]),
        ("middleware_function_ids", [7]),
    ],
)
def test_a_wrong_value_names_its_key(key, value):
    with pytest.raises(InvalidConfig) as caught:
        parse_config({"api_path": "a", key: value})
    assert caught.value.field == key
    assert key in str(caught.value)


def test_a_day_is_the_longest_timeout():
    assert parse_config({"api_path": "a", "timeout_ms": 86_400_000}).timeout_ms == 86_400_000


def test_the_schema_is_valid_and_accepts_a_full_config():
    jsonschema.Draft202012Validator.check_schema(CONFIG_SCHEMA)
    jsonschema.validate(FULL, CONFIG_SCHEMA)
    jsonschema.validate({"api_path": "a", "something": "else"}, CONFIG_SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [{"http_method": "TRACE"}, {"timeout_ms": 0}, {"pass_headers": ["x-*"]}, {"allow_html": 1}],
)
def test_the_schema_refuses_what_the_parser_refuses(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"api_path": "a", **wrong}, CONFIG_SCHEMA)


def test_every_key_of_the_schema_is_explained_with_an_example():
    assert set(CONFIG_SCHEMA["properties"]) == set(FULL)
    for key, schema in CONFIG_SCHEMA["properties"].items():
        assert {"title", "description", "examples"} <= schema.keys(), key
        for example in schema["examples"]:
            jsonschema.validate(example, schema)
