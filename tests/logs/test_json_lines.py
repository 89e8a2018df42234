"""Lines of JSON, whatever is logged."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from iii_triggers.context import this_process
from iii_triggers.logs import ContextFilter, JsonFormatter
from iii_triggers.logs.json_lines import MAX_EXCEPTION, MAX_EXTRAS
from iii_triggers.logs.plain import MAX_TEXT, MAX_VALUE


def record(message: Any = "Hello", *arguments: Any, **more: Any) -> logging.LogRecord:
    extra, exc_info = more.pop("extra", None), more.pop("exc_info", None)
    logger = logging.getLogger("shop.orders")
    return logger.makeRecord(
        "shop.orders", logging.WARNING, "shop.py", 1, message, arguments, exc_info, extra=extra
    )


def line(*arguments: Any, **more: Any) -> dict[str, Any]:
    text = JsonFormatter().format(record(*arguments, **more))
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    return parsed


class Nasty:
    """Says nothing of itself."""

    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


def test_a_line_has_time_level_logger_and_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_process, "node_id", "")
    one = record("Sold %d of %s", 2, "a1")
    one.created = 0.25
    assert json.loads(JsonFormatter().format(one)) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "WARNING",
        "logger": "shop.orders",
        "message": "Sold 2 of a1",
    }


def test_extras_are_kept_as_json_or_as_text() -> None:
    extra = {"n": 1, "x": 1.5, "yes": True, "nothing": None, "list": [1, {"a": (2,)}], "o": object}
    said = line(extra=extra)
    assert {name: said[name] for name in extra} == {
        "n": 1,
        "x": 1.5,
        "yes": True,
        "nothing": None,
        "list": [1, {"a": [2]}],
        "o": "<class 'object'>",
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (1 << 80, hex(1 << 80)),
        (b"\xff", "b'\\xff'"),
        ("\ud800\n\u2028\0", "\ud800\n\u2028\0"),
        ({1: {2: {3: {4: {5: 6}}}}}, {"1": {"2": {"3": {"4": "{5: 6}"}}}}),
        (Nasty(), "<Nasty that has no text: ValueError>"),
        ({Nasty(): 1}, {"<Nasty that has no text: ValueError>": 1}),
        ("x" * 10_000, "x" * MAX_VALUE + "…"),
        (list(range(1000)), list(range(100))),
    ],
)
def test_any_value_can_be_said(value: Any, said: Any) -> None:
    assert line(extra={"value": value})["value"] == said


def test_a_value_that_holds_itself_ends() -> None:
    value: list[Any] = []
    value.append(value)
    assert line(extra={"value": value})["value"] == [[[["[[...]]"]]]]


def test_arguments_that_do_not_fit_are_shown_beside_the_message() -> None:
    assert line("Sold %d", "two")["message"] == "'Sold %d' with ('two',)"
    assert line("Sold %s", Nasty())["message"].startswith("Not to be formatted: ")


def test_a_message_that_is_no_text_and_a_long_one() -> None:
    assert line({"a": 1})["message"] == "{'a': 1}"
    assert line("x" * 100_000)["message"] == "x" * MAX_TEXT + "…"


def test_an_exception_is_text_that_ends_with_the_error() -> None:
    try:
        raise ValueError("y" * MAX_EXCEPTION + "last")
    except ValueError:
        said = line(exc_info=sys.exc_info())["exception"]
    assert (len(said), said[-5:]) == (MAX_EXCEPTION, "ylast")


def test_extras_are_bounded_and_stand_in_for_nothing() -> None:
    said = line(extra={f"k{number}": number for number in range(1000)})
    assert len([name for name in said if name.startswith("k")]) == MAX_EXTRAS
    said = line(extra={"level": "none", "time": 1, "invocation_id": "i"})
    assert (said["level"], said["level_"], said["time_"]) == ("WARNING", "none", 1)
    assert said["invocation_id"] == "i"


def test_a_request_is_left_out_because_it_shows_its_query() -> None:
    assert "request" not in line(extra={"request": "<GET '/?token=1'>", "status_code": 500})


def test_the_filter_lets_plain_formatters_name_what_is_not_known() -> None:
    one = record("Hello")
    assert ContextFilter().filter(one)
    text = logging.Formatter("[%(invocation_id)s %(trace_id)s] %(message)s").format(one)
    assert text == "[ ] Hello"
    assert "invocation_id" not in json.loads(JsonFormatter().format(one))
