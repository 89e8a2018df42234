"""Patterns with ``*``."""

from __future__ import annotations

import fnmatch
import random
import time

import pytest

from iii_triggers.engine.access.wildcards import matches, pattern_of, written_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("", "", True),
        ("*", "", True),
        ("*", "a::b", True),
        ("public::*", "public::", True),
        ("public::*", "public::a::b", True),
        ("public::*", "public:", False),
        ("*::read", "a::b::read", True),
        ("*::read", "a::reader", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "abbc", True),
        ("a*b*c", "acb", False),
        ("*a*", "bab", True),
        ("**", "x", True),
        ("a.c", "abc", False),
        ("a?c", "abc", False),
        ("[ab]*", "a", False),
        ("ab*ba", "aba", False),
    ],
)
def test_only_the_star_is_special(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_random_patterns_match_as_globs_do() -> None:
    chance = random.Random(4)
    for _ in range(20_000):
        pattern = "".join(chance.choices("ab*", k=chance.randrange(8)))
        text = "".join(chance.choices("ab", k=chance.randrange(10)))
        assert matches(pattern, text) is fnmatch.fnmatchcase(text, pattern), (pattern, text)


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not matches("a*" * 400 + "b", "a" * 10_000)
    assert not matches("*" + "a" * 200 + "*" + "b" * 200 + "*", "a" * 5_000 + "b" * 100)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ('match("a*")', "a*"),
        ("match('a*')", "a*"),
        (' match( "a" ) ', "a"),
        ("match(a)", None),
        ("a*", None),
        ('match("a', None),
        ('match(")', None),
        ("match()", None),
    ],
)
def test_the_written_form(text: str, pattern: str | None) -> None:
    assert written_pattern(text) == pattern
    assert pattern_of(text) == (text if pattern is None else pattern)
