"""Reading and writing the text of a config file."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest
import yaml

from iii_triggers.operations.config_files.documents import MAX_BYTES
from iii_triggers.operations.config_files.formats import (
    Format,
    format_of,
    read_document,
    write_document,
)
from iii_triggers.operations.config_files.problems import ConfigFileError

ODD_TEXTS = [
    *(
        "",
        " ",
        "on",
        "no",
        "y",
        "~",
        "null",
        "True",
        "1",
        "1e3",
        "1_000",
        "0o7",
        "0x1F",
        ".5",
        "-1",
    ),
    *("12:30", "2026-01-01", "<<", "=", "- a", "a: b", "# a", "*a", "&a", "!a", "%a", "@a", "`a`"),
    *("a ", " a", "a\nb", "a\n", "\na", "a \nb", "  a\n b", "a\n\n", "\n", "a\tb", "\t", "a\r\nb"),
    *("'", '"', "\\", "\x1b[1m", "\x7f", "\x85", "\u2028", "\ufeff", "é", "→", "😀", "x" * 5000),
]
PURE = pytest.param("pure", id="without libyaml")


@pytest.fixture(params=["libyaml", PURE])
def reader(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two readers that PyYAML may have."""
    if request.param == "pure":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        monkeypatch.delattr(yaml, "CSafeDumper", raising=False)
    return str(request.param)


def read(text: str, format_: Format | None = "yaml") -> Any:
    return read_document(text.encode(), format_=format_).value


def problems(content: str | bytes, format_: Format | None = "yaml") -> list[str]:
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(ConfigFileError) as caught:
        read_document(content, format_=format_)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("format_", ["yaml", "json"])
@pytest.mark.parametrize("text", ODD_TEXTS)
def test_text_comes_back_as_it_was(format_: Format, text: str, reader: str) -> None:
    value = {"text": text, "list": [text, [text]], "keys": {text: text}}
    assert read(write_document(value, format_=format_), format_) == value


@pytest.mark.parametrize("format_", ["yaml", "json"])
def test_other_values_come_back_as_they_were(format_: Format, reader: str) -> None:
    numbers = [0, -1, 1.5, 1e20, 1e-7, 2**64 - 1, -(2**63), 5e-324, 1.7976931348623157e308]
    value = {"a": [None, True, False, {}, [], [[]]], "numbers": numbers}
    assert repr(read(write_document(value, format_=format_), format_)) == repr(value)


def test_values_that_are_met_twice_are_written_twice(reader: str) -> None:
    shared = {"a": [1]}
    text = write_document({"one": shared, "two": shared}, format_="yaml")
    assert "&" not in text
    assert read(text) == {"one": shared, "two": shared}


def test_only_json_is_not_text(reader: str) -> None:
    text = "{a: no, b: 12:30, c: 2026-01-01, d: 0x1F, e: 1e3, f: ~, g: TRUE, h: +5, i: .inf, j: }"
    assert read(text) == {
        "a": "no",
        "b": "12:30",
        "c": "2026-01-01",
        "d": "0x1F",
        "e": 1000.0,
        "f": None,
        "g": True,
        "h": 5,
        "i": ".inf",
        "j": None,
    }


def test_aliases_are_followed(reader: str) -> None:
    assert read("a: &x [1, {b: 2}]\nc: *x") == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!python/object/apply:os.system [ls]", "a, line 1: The tag tag:yaml.org,2002:python"),
        ("a:\n  b: !secret x", "a.b, line 2: The tag !secret is not supported."),
        ("a: !!set {b}", "a, line 1: The tag tag:yaml.org,2002:set is not supported."),
        ("a: !!omap [b: 1]", "a, line 1: The tag tag:yaml.org,2002:omap is not supported."),
        ("a: !!binary YQ==", "a, line 1: The tag tag:yaml.org,2002:binary is not supported."),
        ("a: !!int x", "a, line 1: The number cannot be read."),
        ("a: " + "9" * 5000, "a, line 1: The number cannot be read."),
        ("a: 1e999", "a, line 1: The number is too large."),
        ("a: 99999999999999999999", "a, line 1: The number is too large."),
        ("a: 1\nb: 2\na: 3", "line 3: The key 'a' is there twice."),
        ("200: a", "line 1: A key must be text: put it in quotes."),
        ("? [a]\n: b", "line 1: A key must be text: put it in quotes."),
        ("a: &a {b: 1}\nc: {<<: *a}", "c, line 2: Merge keys (<<) are not supported."),
        ("a: &a [*a]", "is nested too deeply."),
        ("&a a: {b: *c}", "line 1: This is not valid YAML: "),
        ("a: [1\n", "This is not valid YAML: "),
        ("a: 1\n---\nb: 2", "line 2: This is not valid YAML: "),
        (BOMB, "Its aliases repeat more than 10000 values."),
        ("[" * 50_000, "nest"),
        ("- " * 50_000, "nest"),
        ("{a: " * 50_000, "nest"),
        ("? " * 50_000, "nest"),
        ("\x07", "This is not valid YAML: "),
        ('a: {b: ["\\0"]}', "a.b[0], line 1: The text holds a NUL character."),
        ('"\\0": 1', "A key holds a NUL character."),
    ],
)
def test_what_is_not_json_is_refused(text: str, expected: str, reader: str) -> None:
    assert any(expected in problem for problem in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "b": }', "line 2: This is not valid JSON: Expecting value (column 7)."),
        ('{"a": NaN}', "This is not valid JSON: NaN is no number of JSON."),
        ('{"a": 1e999}', "a: The number is too large."),
        ('{"a": 1' + "0" * 400 + "}", "a: The number is too large."),
        ('{"a": 1' + "0" * 5000 + "}", "This is not valid JSON: "),
        ('{"a": {"b": 1, "b": 2}}', "This is not valid JSON: the key 'b' is there twice in one"),
        ('{"a": ["\\u0000"]}', "a[0]: The text holds a NUL character."),
        ('{"a": "\\ud800"}', "a: The text holds half a surrogate pair."),
        ('{"\\ud800": 1}', "A key holds half a surrogate pair."),
        ("[" * 100_000, "nest"),
        ('{"a":' * 80 + "1" + "}" * 80, "a.a.a.a: It is nested too deeply."),
        ("", "This is not valid JSON: Expecting value"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(text, "json")), problems(text, "json")


def test_every_problem_of_a_file_is_told(reader: str) -> None:
    assert problems("a: !x 1\nb: 2\nb: !!int y\n") == [
        "a, line 1: The tag !x is not supported.",
        "line 3: The key 'b' is there twice.",
        "b, line 3: The number cannot be read.",
    ]


def test_a_file_must_be_utf_8_and_not_too_large() -> None:
    assert problems(b"a: 1\nb: \xff") == ["line 2: It is not UTF-8."]
    assert problems(b"a: \xed\xa0\x80") == ["line 1: It is not UTF-8."]
    assert problems(b"#" * (MAX_BYTES + 1)) == ["It has more than 10 MiB."]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read_document(b'\xef\xbb\xbf{"a": 1}', format_=None).value == {"a": 1}


def test_the_format_is_told_by_the_name_or_by_the_first_character() -> None:
    names = ("a.json", "A.YML", "b/c.yaml", "-", "notes.txt", "")
    assert [format_of(name) for name in names] == ["json", "yaml", "yaml", None, None, None]
    assert problems(' {"a": 1, b: 2}', None)[0].startswith("line 1: This is not valid JSON")
    assert read("a: 1", None) == {"a": 1}


def test_markup_of_terminals_in_a_problem_is_escaped() -> None:
    (problem,) = problems('"\\e[1m": {"a": !x 1}')
    assert problem == "\\x1b[1m.a, line 1: The tag !x is not supported."


@pytest.mark.parametrize("format_", ["yaml", None])
def test_without_pyyaml_json_is_what_works(
    monkeypatch: pytest.MonkeyPatch, format_: Format | None
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ImportError):
        importlib.import_module("yaml")
    assert problems("a: 1", format_) == [
        "YAML needs PyYAML: pip install 'iii-triggers[yaml]', or use --format json."
    ]
    assert read('{"a": 1}', None) == {"a": 1}
    with pytest.raises(ConfigFileError):
        write_document({}, format_="yaml")
    assert write_document({}, format_="json") == "{}\n"
