"""W3C trace context: what is passed on, and what is not."""

from __future__ import annotations

import pytest

from iii_triggers.protocol.trace_context import valid_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("flags", ["00", "01", "03", "ff"])
def test_a_trace_context_of_version_00_stays_as_it_is(flags: str) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"
    assert valid_traceparent(text) == text


@pytest.mark.parametrize("rest", ["", "-", "-what-the-future-will-be"])
def test_of_a_later_version_only_what_is_known_is_kept(rest: str) -> None:
    assert valid_traceparent(f"cc-{TRACE}-{SPAN}-01{rest}") == VALID


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"cc-{TRACE}-{SPAN}-01-{'a' * 200}",
        f"00-{TRACE[:-1]}ä-{SPAN}-01",
        f"00-{TRACE[:-1]}\N{ARABIC-INDIC DIGIT ONE}-{SPAN}-01",
    ],
)
def test_what_is_no_trace_context_is_none(text: str | None) -> None:
    assert valid_traceparent(text) is None
