"""Schemas of strangers: huge, endless, broken, with markup. The page stays small and quick."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.template.loader import render_to_string

from iii_triggers.admin.config_help import Place, help_on
from iii_triggers.admin.config_part import ConfigPart, Subject
from iii_triggers.admin.schema_form import SchemaForm, facts, read_schema

from .building import MARKUP, plan_of

BOMB = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 20} for n in range(20)}
WIDE = {f"k{n}": {} for n in range(100_000)}

HOSTILE: dict[str, Any] = {
    "a reference to itself": {"properties": {"k": {"$ref": "#/properties/k"}}},
    "a schema within itself": {"properties": {"k": {"$ref": "#"}}},
    "references in a circle": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "properties": {"k": {"$ref": "#/$defs/a"}},
    },
    "a whole of itself": {"properties": {"k": {}}, "allOf": [{"$ref": "#"}] * 20},
    "wholes of wholes": {"properties": {"k": {"$ref": "#/$defs/d0"}}, "$defs": BOMB},
    "a wide schema within itself": {"properties": WIDE, "$ref": "#"},
    "elsewhere": {"properties": {"k": {"$ref": "http://127.0.0.1:1/x"}, "l": {"$ref": 5}}},
    "nowhere": {"properties": {"k": {"$ref": "#/a/b/~2/%ff"}}},
    "long texts": {
        "properties": {
            "k": {
                "description": "x" * 10_000_000,
                "title": "t" * 10_000_000,
                "default": "d" * 10**6,
            }
        }
    },
    "long keys": {"properties": {"k" * 10_000_000: {}, "k": {}}},
    "many choices": {"properties": {"k": {"enum": list(range(1_000_000))}}},
    "long choices": {"properties": {"k": {"enum": ["x" * 1_000_000] * 3}}},
    "many examples": {"properties": {"k": {"examples": ["x" * 100_000] * 100}}},
    "much that is required": {"properties": {"k": {}}, "required": ["k"] * 1_000_000},
    "a slow pattern": {"properties": {"k": {"type": "string", "pattern": "(a+)+$"}}},
    "odd characters": {"properties": {"\0": {}, "\ud800": {}, "": {}, "a\nb": {}, "k": {}}},
    "odd texts": {
        "properties": {
            "k": {
                "title": "\0\ud800",
                "description": "\ud800" * 9,
                "enum": ["\ud800", "\0"],
                "default": "\0",
                "examples": ["\ud800", {"\0": "\ud800"}],
            }
        }
    },
    "wrong types": {
        "properties": {
            "k": {"title": 5, "description": [], "enum": {}, "type": {"a": 1}, "examples": 5},
            "l": {"type": [["string"], {}], "items": 5, "oneOf": [5], "anyOf": {}, "allOf": 5},
            "m": {"type": "array", "items": [{}], "properties": []},
            "n": 5,
            "o": None,
            "p": {"enum": [], "const": None},
            "q": {"allOf": [None, 5, []]},
            "r": {"type": "boolean", "default": {}},
        },
        "required": {"k": 1},
    },
    "markup": {
        "properties": {
            MARKUP: {
                "title": MARKUP,
                "description": MARKUP,
                "enum": [MARKUP],
                "default": MARKUP,
                "examples": [MARKUP],
            },
            "k": {"type": "object", "title": MARKUP, "properties": {MARKUP: {"items": {}}}},
            "l": {"items": {"enum": [MARKUP]}},
        }
    },
}


def nested(levels: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"default": 1}
    for _level in range(levels):
        rule = {"allOf": [rule], "properties": {"k": rule}, "default": [rule.get("default")]}
    return rule


HOSTILE["deep"] = nested(300)


def page_of(schema: Any, config: dict[str, Any]) -> str:
    plan = read_schema(schema)
    help_ = help_on(MARKUP, MARKUP, schema)
    subject = Subject(place=Place(type_id=MARKUP), help=help_, plan=plan)
    form = None if plan is None else SchemaForm(plan, base=config)
    part = ConfigPart(subject=subject, text="{}", form=form)
    return render_to_string("admin/iii_triggers/trigger/config_part.html", {"part": part})


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_is_small_and_quick_and_can_be_sent(name: str) -> None:
    began = time.process_time()
    page = page_of(HOSTILE[name], {})
    assert time.process_time() - began < 3
    assert len(page.encode()) < 200_000
    assert MARKUP not in page
    assert "\0" not in page


def test_only_the_short_texts_are_kept() -> None:
    plan = plan_of(HOSTILE["long texts"])
    assert max(len(plan.nodes[0].title), len(plan.nodes[0].description)) < 1000


def test_markup_in_a_config_is_text() -> None:
    page = page_of(
        HOSTILE["markup"], {MARKUP: MARKUP, "k": {MARKUP: [MARKUP]}, "l": [MARKUP], "z": 1}
    )
    assert MARKUP not in page
    assert "&lt;script&gt;" in page


def test_a_config_is_told_by_titles_and_not_at_any_length() -> None:
    schema = {
        "properties": {
            "a": {"title": "First", "type": "string"},
            "g": {"title": "Mine", "properties": {"b": {"title": "Second"}}},
            "c": {},
        }
    }
    told = facts(plan_of(schema), {"a": "x" * 10_000, "g": {"b": ["p", "q"], "z": 1}, "z": 1})
    assert [(fact.title, fact.key) for fact in told] == [("First", "a"), ("Mine: Second", "g.b")]
    assert told[1].value == "p, q"
    assert len(told[0].value) < 1000
    assert facts(plan_of(schema), "text") == []
