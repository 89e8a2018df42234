"""Redaction: secrets go, everything else stays, byte by byte, whatever the text."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from iii_triggers.engine.history.redaction import MASK, redact, redact_message

KEYS = ["password", "API_key", 'a"b', "clé", "π/π"]


@pytest.fixture(autouse=True)
def secret_keys(settings: Any) -> None:
    settings.III_HISTORY_REDACT = KEYS


def redacted(text: str) -> str:
    result, was_secret = redact(text.encode())
    assert was_secret == (result != text.encode())
    return result.decode()


@pytest.mark.parametrize(
    "key", ["password", "PassWord", "api_key", "API-KEY", "access_key", 'a\\"b', "clé", "π\\/π"]
)
def test_a_key_is_found_however_it_is_written(key: str) -> None:
    assert redacted(f'{{"{key}":"s"}}') == f'{{"{key}":"{MASK}"}}'
    assert redacted(f'[{{"a":1, "{key}" \n: "s" ,"b":2}}]') == (
        f'[{{"a":1, "{key}" \n: "{MASK}" ,"b":2}}]'
    )


@pytest.mark.parametrize(
    "key",
    [
        r"\u0070assword",
        r"p\u0041ssword",
        r"api\u005fkey",
        r"API\u002Dkey",
        r"a\u0022b",
        r"cl\u00e9",
        r"\u03c0\/\u03C0",
        r"\u0061\u0063\u0063\u0065\u0073\u0073\u005F\u006b\u0065\u0079",
    ],
)
def test_escapes_hide_no_key(key: str) -> None:
    assert redacted(f'{{"{key}":"s"}}') == f'{{"{key}":"{MASK}"}}'


@pytest.mark.parametrize(
    "value",
    [
        '"s"',
        '""',
        r'"a\"b\\"',
        "1",
        "-1.5e300",
        "null",
        "true",
        "{}",
        "[]",
        '{"a":[{"b":"}]"}]}',
        "9" * 5000,
        r'"\ud800"',
        r'"\u0000"',
        "[" * 5000 + "]" * 5000,
    ],
)
def test_the_whole_value_goes_and_nothing_else(value: str) -> None:
    assert redacted(f'{{"password":{value},"x":{value}}}') == (
        f'{{"password":"{MASK}","x":{value}}}'
    )
    assert redacted(f'[{{"password": {value}}}, {value}]') == f'[{{"password": "{MASK}"}}, {value}]'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        '"password"',
        '["password","x"]',
        '{"passwords":"s"}',
        '{"my_password":"s"}',
        '{"x":"password"}',
        r'{"x\"password":"s"}',
        "5",
        "{}",
    ],
)
def test_what_is_no_such_key_stays(text: str) -> None:
    assert redact(text.encode()) == (text.encode(), False)


def test_a_header_in_a_list_is_found() -> None:
    text = r'{"headers":["Password: a=\"b\"; c","X: y"],"password:a":1}'
    assert redacted(text) == (f'{{"headers":["Password: {MASK}","X: y"],"password: {MASK}":1}}')


@pytest.mark.parametrize("value", ['"secret\\', '"secret', "[[1,2", '{"a":"secret', "12345", ""])
def test_a_text_may_be_cut_anywhere(value: str) -> None:
    text = f'{{"a":1,"password":{value}'
    assert redacted(text) == f'{{"a":1,"password":"{MASK}"'


def test_no_cut_shows_a_secret() -> None:
    text = r'{"password":{"a":["sec\u0072et"]},"api-key":"\\secret\"","c":["API_KEY: secret"]}'
    for end in range(len(text)):
        assert b"sec" not in redact(text[:end].encode())[0]


def test_access_keys_of_channels_go_whatever_the_site_says(settings: Any) -> None:
    settings.III_HISTORY_REDACT = []
    reference = {"channel_id": "c", "access_key": "secret", "direction": "read"}
    text = json.dumps({"request_body": reference, "response": reference, "password": "p"})
    assert "secret" not in redacted(text)
    assert '"password": "p"' in redacted(text)


@pytest.mark.parametrize(
    ("value", "has_secrets"),
    [
        ({"channel_id": "c", "access_key": "k", "direction": "read"}, False),
        ({"channel_id": "c", "access_key": "k", "direction": "write"}, False),
        ({"channel_id": "c", "access_key": "k", "direction": "read", "token": "t"}, True),
        ({"access_key": "k"}, True),
        ({"access_key": "k", "direction": "north"}, True),
    ],
)
def test_keys_of_channels_are_no_secrets_of_the_caller(value: Any, has_secrets: bool) -> None:
    text, found = redact(json.dumps({"response": value}, separators=(",", ":")).encode())
    assert found is has_secrets
    assert b'"k"' not in text


def test_it_does_what_a_walk_through_the_value_does() -> None:
    chance = random.Random(11)
    for _ in range(1500):
        value = _value(chance, depth=4)
        text = json.dumps(
            value, ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 2])
        )
        assert json.loads(redact(text.encode())[0]) == _walk(value), text


def _value(chance: random.Random, *, depth: int) -> Any:
    kind = chance.randrange(8 if depth else 6)
    if kind < 4:
        return chance.choice(
            ["s", "", 'q"', "\\", "password", "clé: x", "API-key:", '"api_key":', "\0"]
        )
    if kind < 6:
        return chance.choice([None, True, 12, -0.5, 10**40])
    if kind == 6:
        return [_value(chance, depth=depth - 1) for _ in range(chance.randrange(4))]
    keys = [
        "x",
        "PASSWORD",
        "api-Key",
        'a"b',
        'x"password',
        "CLé",
        "clé",
        "π/π",
        "é",
        "\\",
        "password ",
    ]
    return {
        chance.choice(keys): _value(chance, depth=depth - 1) for _ in range(chance.randrange(4))
    }


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: MASK if _is_secret(key) else _walk(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner) for inner in value]
    if value == '"api_key":':
        return f'"api_key":"{MASK}"'
    if isinstance(value, str) and ":" in value and _is_secret(value.partition(":")[0]):
        return f"{value.partition(':')[0]}: {MASK}"
    return value


def _is_secret(key: str) -> bool:
    return _plain(key) in {_plain(secret) for secret in [*KEYS, "access_key"]}


def _plain(key: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in key).replace("-", "_")


MILLION = 10**6


@pytest.mark.parametrize(
    "text",
    [
        b'{"password":' + b"[" * 4 * MILLION,
        b'{"password":' + b"[]" * 2 * MILLION,
        b'"' + b'\\"' * MILLION,
        b'"' + b'\\"password\\":' * (MILLION // 10),
        b'["\\"password\\":\\"x\\""' + b',"\\"a\\""' * (MILLION // 10),
        b'"' + b"\\" * MILLION,
        b'"\\"' + b"\\" * MILLION + b'u00"',
        b"&password=" * (MILLION // 5),
        b'"?' + b"password=x;" * (MILLION // 5),
        b'{"password":"' + b'\\"' * 2 * MILLION,
        b'{"password"' + b" " * 4 * MILLION,
        b'"' * 4 * MILLION,
        b'"password":"' + b"\\" * 4 * MILLION,
        b'"password' * (MILLION // 3),
        b'"password":' * (MILLION // 4),
        rb"\u0070" * (MILLION // 2),
        b'"\\u0070assword' * (MILLION // 4),
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_take_time_in_proportion(text: bytes) -> None:
    begun = time.process_time()
    redact(text)
    assert time.process_time() - begun < 3, "one that is quadratic takes hours"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('"a=b&password=hunter2&c=d"', f'"a=b&password={MASK}&c=d"'),
        ('"password=hunter2&c=d"', f'"password={MASK}&c=d"'),
        ('{"url":"https://h/?API-key=hunter2#a"}', f'{{"url":"https://h/?API-key={MASK}"}}'),
        ('["x?password=hun', f'["x?password={MASK}'),
        ('"a=b&my_password=x"', '"a=b&my_password=x"'),
    ],
)
def test_forms_and_addresses_in_strings(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize("keys", [KEYS, ["password"]])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_json_in_strings(levels: int, keys: list[str], settings: Any) -> None:
    settings.III_HISTORY_REDACT = keys
    text, shown = '{"a": 1, "Password": "hu\\"nter2"}', f'{{"a": 1, "Password": "{MASK}"}}'
    for _ in range(levels):
        text, shown = json.dumps({"é": text, "b": 2}), json.dumps({"é": shown, "b": 2})
    assert json.loads(redacted(text)) == json.loads(shown)


def test_json_in_a_string_that_was_cut() -> None:
    text = json.dumps({"b": 2, "body": json.dumps({"a": "x", "password": "hunter2", "c": 3})})
    for end in range(len(text)):
        assert "hun" not in redacted(text[:end])
    assert redacted(text[:-12]).startswith(r'{"b": 2, "body": "{\"a\": \"x\", \"password\":')


def test_json_in_strings_with_escaped_keys(settings: Any) -> None:
    settings.III_HISTORY_REDACT = ["password"]
    text = json.dumps({"a": r'{"\u0050assword": "hunter2"}'})
    assert "hunter2" not in redacted(text)


def test_keys_of_channels_in_strings() -> None:
    channel = '{"channel_id":"c","access_key":"hush","direction":"read"}'
    assert "hush" not in redacted(json.dumps({"a": channel}))


def test_a_string_that_is_none_is_left_out() -> None:
    assert redacted(r'["\x \"password\": 1"]') == f'["{MASK}"]'


def test_json_in_strings_without_secrets_stays_to_the_letter() -> None:
    text = r'{"a": "{\"b\" :\"\u00e9\ud800\"}", "c": "x=y&z"}'
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("password=hunter2 failed", f"password={MASK} failed"),
        ("{'password': 'hunter 2', 'a': 1}", f"{{'password': {MASK}, 'a': 1}}"),
        (r'{"Password": "hun\"ter2"}', f'{{"Password": {MASK}}}'),
        (r"\"api-key\":\"hunter2\"", rf"\"api-key\":\{MASK}"),
        ("GET /x?api_key=hunter2&y=1", f"GET /x?api_key={MASK}&y=1"),
        ("api-key: Bearer hunter2, x", f"api-key: {MASK}, x"),
        ("postgres://me:hunter2@db/x", f"postgres://me:{MASK}@db/x"),
        ("password == 'hunter2' or password:=x", f"password == {MASK} or password:={MASK}"),
        ("{'password': b'hunter2'}", f"{{'password': {MASK}}}"),
        ("password: ['hun', {'ter': (2,)}], x", f"password: {MASK}, x"),
        ("password=[[[[[hunter2]]]]]\nx", f"password={MASK}\nx"),
        ("'password': SecretStr('hunter2'), x", f"'password': {MASK}, x"),
        ("f(password=hunter2), (x)", f"f(password={MASK}), (x)"),
        (r"{\\\"password\\\": \\\"hunter2\\\"", rf"{{\\\"password\\\": \\\{MASK}"),
        ("password = 'hun''ter2', x", f"password = {MASK}, x"),
        ("the password is wrong", "the password is wrong"),
        ("mypassword=x https://host:80/a", "mypassword=x https://host:80/a"),
    ],
)
def test_messages_of_errors(message: str, shown: str) -> None:
    assert redact_message(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Cookie: a=b; session=hunter2\nx", f"Cookie: {MASK}\nx"),
        ("{'cookie': 'a=b; c=hunter2', 'x': 1}", f"{{'cookie': {MASK}, 'x': 1}}"),
        ('authorization: Digest a="b", c="hunter2"', f"authorization: {MASK}"),
        ("authorization=['Bearer hunter2'] x", f"authorization={MASK} x"),
    ],
)
def test_headers_with_many_parts_are_left_out_to_the_end_of_the_line(
    message: str, shown: str, settings: Any
) -> None:
    settings.III_HISTORY_REDACT = ["cookie", "authorization"]
    assert redact_message(message) == shown


@pytest.mark.parametrize(
    "message",
    [
        "password='",
        "password=(",
        "password=(\n",
        'password=[("',
        "password=a(",
        "password=\\",
        "password: ",
        "://a:",
        "password",
        "password \\'",
        "://",
        "://u:a",
        "password=x",
    ],
)
def test_hostile_messages_take_time_in_proportion(message: str) -> None:
    begun = time.process_time()
    redact_message(message * (MILLION // 5))
    redact_message(message + message[-1] * MILLION)
    assert time.process_time() - begun < 3
