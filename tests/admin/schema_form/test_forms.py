"""Forms of schemas: what is entered gets into the config, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iii_triggers.admin.schema_form import SchemaForm

from .building import node_of, page_of, plan_of, save, sent

SCHEMA = {
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "text": {"type": "string", "maxLength": 9000},
        "count": {"type": "integer", "default": 3},
        "share": {"type": "number"},
        "loud": {"type": "boolean"},
        "quiet": {"type": "boolean", "default": False},
        "kind": {"enum": ["a", "b"]},
        "kinds": {"type": "array", "items": {"enum": ["x", "y", "z"]}},
        "ids": {"type": "array", "items": {"type": "string"}},
        "free": {},
        "mail": {"type": "string", "format": "email"},
        "tuning": {"properties": {"tries": {"type": "integer"}, "slow": {"type": "boolean"}}},
    },
}


def test_what_is_entered_becomes_json_of_its_type() -> None:
    config = save(
        SCHEMA,
        {},
        name=" a ",
        text="one\r\ntwo",
        count="5",
        share="2",
        loud="true",
        quiet="on",
        kind="b",
        kinds=["z", "x"],
        ids="one\r\n\r\n two ",
        free='{"deep": [1.5]}',
        tuning__tries="0",
        tuning__slow="false",
    )
    assert config == {
        "name": "a",
        "text": "one\ntwo",
        "count": 5,
        "share": 2,
        "loud": True,
        "quiet": True,
        "kind": "b",
        "kinds": ["x", "z"],
        "ids": ["one", "two"],
        "free": {"deep": [1.5]},
        "tuning": {"tries": 0, "slow": False},
    }


def test_empty_fields_are_left_out() -> None:
    empty = dict.fromkeys(("name", "text", "count", "share", "loud", "kind", "ids", "free"), "")
    assert save(SCHEMA, {}, **empty, tuning__tries="", tuning__slow="") == {}


def test_emptied_fields_are_removed_and_their_group_too() -> None:
    base = {"name": "a", "count": 5, "kinds": ["x"], "ids": ["i"], "tuning": {"tries": 1}}
    assert save(SCHEMA, base, name="a", count="", ids="", tuning__tries="") == {"name": "a"}


ODD = [
    {"name": ""},
    {"name": None, "tuning": None, "count": None, "kinds": None},
    {"name": "  spaces  ", "text": "a\r\nb\rc\n", "count": 5.0, "share": 5, "kinds": ["z", "x"]},
    {"kinds": [], "ids": [], "tuning": {}, "loud": False, "quiet": False, "free": [None]},
    {"name": 5, "count": "many", "share": True, "loud": "yes", "quiet": 1, "kind": "c"},
    {"kinds": ["x", "x"], "ids": ["a\nb", ""], "tuning": [1], "kind": {"a": 1}},
    {"name": "two\nlines", "ids": "one", "kinds": ["q"], "kind": 5, "count": 10**30},
    {"other": {"a": 1}, "tuning": {"other": 2, "tries": 1, "slow": "?"}, "": 0, "a.b": "\u2028"},
    {"name": "x" * 2000, "ids": [1], "text": 7, "free": "text", "kind": True},
    {"name": " a", "ids": [" a", "b "], "mail": " a@b.c", "free": None},
]


def test_json_may_say_null_or_an_empty_list() -> None:
    schema = {"required": ["a", "b"], "properties": {"a": {}, "b": {}, "c": {}}}
    assert save(schema, {"c": 1}, a="null", b="[]", c="") == {"a": None, "b": []}
    assert save(schema, {"a": 1, "b": 2}, a="null", b="{}") == {"a": None, "b": {}}
    form = SchemaForm(plan_of(schema), base={}, data=sent(a=" null "))
    assert "null" in str(form["config.a"]), "the page that comes back has lost it"


def test_null_alone_is_nothing_to_choose() -> None:
    schema = {"properties": {"a": {"const": None}, "b": {"enum": [None, "x"]}}}
    assert save(schema, {}, a="", b="") == {}
    assert save({**schema, "required": ["a"]}, {}, a="null", b="x") == {"a": None, "b": "x"}


@pytest.mark.parametrize(("listed", "stored"), [(["1", "2"], 1), ([1, 2], "1"), (["true"], True)])
def test_a_stored_value_that_reads_like_a_choice_can_be_mended(
    listed: list[Any], stored: Any
) -> None:
    form = SchemaForm(plan_of({"properties": {"k": {"enum": listed}}}), base={"k": stored})
    shown = form["config.k"]
    assert str(shown).startswith("<textarea")
    text = json.dumps(listed[0])
    assert save({"properties": {"k": {"enum": listed}}}, {"k": stored}, k=text) == {"k": listed[0]}


@pytest.mark.parametrize("base", ODD, ids=range(len(ODD)))
def test_a_form_that_nobody_touched_changes_nothing(base: dict[str, Any]) -> None:
    data = sent()
    for name, value in page_of(SCHEMA, base).items():
        is_ticked = value is not False
        if is_ticked and value is not None:
            data.setlist(name, value if isinstance(value, list) else [as_sent(value)])
    if 'type="email"' in str(SchemaForm(plan_of(SCHEMA), base=base)["config.mail"]):
        # A browser sends an address without the blanks around it.
        data["config.mail"] = data.get("config.mail", "").strip()
    form = SchemaForm(plan_of(SCHEMA), base=base, data=data)
    assert form.problems() == []
    assert repr(form.collected()) == repr(base)


def as_sent(value: Any) -> str:
    """Return the text that a browser sends for what it was given."""
    if value is True:
        return "on"
    return str(value).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def test_keys_that_have_no_field_stay_whatever_is_entered() -> None:
    base = {"b": 1, "tuning": {"hidden": [1], "tries": 1}, "name": "old"}
    config = save(SCHEMA, base, name="new", tuning__tries="")
    assert config == {"b": 1, "tuning": {"hidden": [1]}, "name": "new"}


def test_fields_that_the_page_did_not_have_change_nothing() -> None:
    base = {"name": "a", "text": "t", "count": 5, "kind": "b", "ids": ["i"], "free": [1]}
    base |= {"tuning": {"tries": 1, "slow": True}}
    assert save(SCHEMA, base, name="b") == {**base, "name": "b"}


def test_a_key_with_any_characters_has_a_field_of_its_own() -> None:
    schema: dict[str, Any] = {"properties": {"a.b": {}, "a": {"properties": {"b": {}}}, 'ü "%': {}}}
    names = list(SchemaForm(plan_of(schema), base={}).fields)
    assert names == ["config.a%2Eb", "config.a.b", "config.%C3%BC%20%22%25"]
    data = {name: str(number) for number, name in enumerate(names)}
    form = SchemaForm(plan_of(schema), base={}, data=data)
    assert form.collected() == {"a.b": 0, "a": {"b": 1}, 'ü "%': 2}


def test_a_value_that_the_schema_does_not_list_can_be_kept() -> None:
    assert save(SCHEMA, {"kind": "get"}, kind="get") == {"kind": "get"}
    assert save(SCHEMA, {"kind": "get"}, kind="a") == {"kind": "a"}


def test_a_constant_that_must_be_there_is_set_without_being_asked() -> None:
    schema = {"required": ["k"], "properties": {"k": {"const": "v1"}}}
    form = SchemaForm(plan_of(schema), base={})
    assert "not set" not in str(form["config.k"])
    assert save(schema, {}, k="v1") == {"k": "v1"}


def test_a_box_that_must_be_there_is_no_if_it_is_not_ticked() -> None:
    schema = {"required": ["k"], "properties": {"k": {"type": "boolean"}}}
    assert save(schema, {}) == {"k": False}


def test_a_group_that_must_be_there_is() -> None:
    schema = {"required": ["g"], "properties": {"g": {"properties": {"a": {}}}}}
    assert save(schema, {}) == {"g": {}}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("count", "many"),
        ("count", "1.5"),
        ("count", "1_000"),
        ("count", "9" * 5000),
        ("count", "\0"),
        ("share", "nan"),
        ("share", "1e999"),
        ("name", "a\0b"),
        ("text", "a\0b"),
        ("ids", "a\0b"),
        ("kind", "c"),
        ("kinds", ["x", "c"]),
        ("loud", "maybe"),
        ("free", "{"),
        ("free", '"\\ud800"'),
        ("free", '"\\u0000"'),
        ("free", "[" * 1000),
    ],
)
def test_what_cannot_be_read_is_an_error_at_its_field_and_changes_nothing(
    key: str, text: Any
) -> None:
    form = SchemaForm(plan_of(SCHEMA), base={"name": "a"}, data=sent(**{"name": "a", key: text}))
    assert list(form.errors) == [f"config.{key}"]
    assert form.problems()[0].startswith(f"{key}: ")
    assert form.collected() == {"name": "a"}


def test_what_must_be_there_and_is_not_is_told_at_every_such_field() -> None:
    group = {"required": ["a", "b"], "properties": {"a": {}, "b": {}}}
    schema = {"required": ["x", "y"], "properties": {"x": {}, "y": {}, "g": group}}
    form = SchemaForm(plan_of(schema), base={}, data=sent(y="1"))
    form.require()
    assert list(form.errors) == ["config.x"]
    form = SchemaForm(plan_of(schema), base={}, data=sent(x="1", y="1", g__a="1"))
    form.require()
    assert list(form.errors) == ["config.g.b"]


def test_an_error_is_shown_at_the_key_that_it_is_about() -> None:
    form = SchemaForm(plan_of(SCHEMA), base={}, data=sent(name="a"))
    assert form.blame("tuning", "tuning.tries: -1 is too little")
    assert form.blame("tuning", "it is no object")
    assert form.blame("count", "It is odd.")
    assert not form.blame("other", "unknown")
    assert not form.blame("", "")
    assert list(form.errors) == ["config.tuning.tries", "config.count"]
    (group,) = (row for row in form.rows if row.node.kind == "group")
    assert group.errors == ["it is no object"]


def test_fields_tell_a_browser_what_the_schema_says() -> None:
    rules = {
        "n": {"type": "number", "minimum": 1, "maximum": 9.5, "multipleOf": 0.5, "default": 2},
        "s": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "(a+)+$"},
        "m": {"type": "string", "format": "email"},
    }
    form = SchemaForm(plan_of({"properties": rules, "required": ["m"]}), base={})
    number, text, mail = (str(form[f"config.{key}"]) for key in "nsm")
    for part in ('type="number"', 'min="1"', 'max="9.5"', 'step="0.5"', 'placeholder="2"'):
        assert part in number
    assert 'minlength="1"' in text
    assert 'maxlength="5"' in text
    assert "pattern" not in text
    assert 'type="email"' in mail
    assert 'aria-required="true"' in mail
    assert 'aria-describedby="id_config.m_helptext"' in mail


@pytest.mark.parametrize(
    ("rule", "attributes"),
    [
        ({"type": "integer", "minimum": 10, "multipleOf": 5}, 'min="10" step="5"'),
        ({"type": "integer", "minimum": 1, "multipleOf": 5}, 'min="1" step="1"'),
        ({"type": "integer", "minimum": 0.5}, 'min="1" step="1"'),
        ({"type": "number", "minimum": 0.5, "multipleOf": 0.2}, 'min="0.5" step="any"'),
    ],
)
def test_the_arrows_of_a_number_lead_to_numbers_that_are_allowed(
    rule: dict[str, Any], attributes: str
) -> None:
    """A browser counts its steps from the least number."""
    assert attributes in str(SchemaForm(plan_of({"properties": {"n": rule}}), base={})["config.n"])


def test_limits_that_make_no_sense_are_no_limits() -> None:
    rule = {"type": "integer", "minimum": True, "maximum": 10**400, "multipleOf": 0, "format": 5}
    limits = node_of({**rule, "minLength": -1, "maxLength": "x"}).limits
    assert (limits.minimum, limits.maximum, limits.step, limits.format) == (None, None, None, "")
    assert (limits.min_length, limits.max_length) == (None, None)
