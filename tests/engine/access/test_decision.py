"""The decision of section 9.3, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.access.decision import decide
from iii_triggers.engine.access.filters import InvalidRules, read_filter, read_filters
from iii_triggers.engine.access.rules import Rules
from iii_triggers.engine.access.sessions import MAX_REMEMBERED, Session

OPEN = Rules()
CLOSED = Rules(restricts_calls=True)


def rules(*expose: Any, **fields: Any) -> Rules:
    return Rules(restricts_calls=True, expose_functions=read_filters(list(expose)), **fields)


PUBLIC = rules('match("public::*")')
ORDERS = rules({"match": "svc::*", "namespace": "orders"})
GOLD = rules({"metadata": {"public": True, "tier": 'match("gold*")'}})


@pytest.mark.parametrize(
    ("one", "function_id", "namespace", "metadata", "verdict"),
    [
        (OPEN, "f", "default", (), "allowed"),
        (OPEN, "f", "orders", (), "allowed"),
        (CLOSED, "f", "default", (), "not_exposed"),
        (CLOSED, "engine::functions::list", "default", (), "not_exposed"),
        # infrastructure
        (CLOSED, "engine::workers::register", "default", (), "allowed"),
        (CLOSED, "engine.workers.register", "default", (), "allowed"),
        (CLOSED, "engine::channels::create", "default", (), "allowed"),
        (CLOSED, "engine::log::trace", "default", (), "allowed"),
        (CLOSED, "engine.log.info", "default", (), "allowed"),
        (CLOSED, "engine::baggage::get_all", "default", (), "allowed"),
        (CLOSED, "engine::log::fatal", "default", (), "not_exposed"),
        # filters
        (PUBLIC, "public::a", "default", (), "allowed"),
        (PUBLIC, "private::a", "default", (), "not_exposed"),
        (PUBLIC, "public::a", "orders", (), "not_exposed"),
        (ORDERS, "svc::a", "orders", (), "allowed"),
        (ORDERS, "svc::a", "default", (), "not_exposed"),
        (GOLD, "f", "default", ({"public": True, "tier": "gold1"},), "allowed"),
        (GOLD, "f", "default", ({"public": True, "tier": "gold1", "x": 1},), "allowed"),
        (GOLD, "f", "default", ({"public": 1, "tier": "gold1"},), "not_exposed"),
        (GOLD, "f", "default", ({"public": True, "tier": 5},), "not_exposed"),
        (GOLD, "f", "default", ({"public": True},), "not_exposed"),
        (GOLD, "f", "default", (None,), "not_exposed"),
        (GOLD, "f", "default", ("gold",), "not_exposed"),
        (GOLD, "f", "default", (), "not_exposed"),
        # every provider has to say so
        (GOLD, "f", "default", ({"public": True, "tier": "gold"}, None), "not_exposed"),
        # forbidden wins, in any namespace, over infrastructure too
        (rules('match("*")', forbidden_functions=("f",)), "f", "default", (), "forbidden"),
        (rules('match("*")', forbidden_functions=("f",)), "f", "orders", (), "forbidden"),
        (Rules(forbidden_functions=("f",)), "f", "default", (), "forbidden"),
        (Rules(forbidden_functions=("f",)), "g", "default", (), "allowed"),
        (Rules(forbidden_functions=("secret::*",)), "secret::g", "default", (), "forbidden"),
        (
            rules(forbidden_functions=("engine::log::info",)),
            "engine.log.info",
            "default",
            (),
            "forbidden",
        ),
        (Rules(forbidden_functions=("iii::durable::publish",)), "emit", "default", (), "forbidden"),
        # whoever forbids a function means its name in the oldest SDKs too
        (Rules(forbidden_functions=("state::set",)), "state.set", "default", (), "forbidden"),
        (Rules(forbidden_functions=("state::*",)), "state.list_groups", "default", (), "forbidden"),
        (Rules(forbidden_functions=("stream::send",)), "stream.send", "default", (), "forbidden"),
        (
            Rules(forbidden_functions=("kv_server::*",)),
            "kv_server.list_keys_with_prefix",
            "default",
            (),
            "forbidden",
        ),
        (rules('match("state::get")'), "state.get", "default", (), "allowed"),
        (rules('match("state::*")'), "state.mine", "default", (), "not_exposed"),
        (
            rules(forbidden_functions=("f",), allowed_functions=frozenset({"f"})),
            "f",
            "default",
            (),
            "forbidden",
        ),
        # allowed ids: exact, in default only
        (rules(allowed_functions=frozenset({"f"})), "f", "default", (), "allowed"),
        (rules(allowed_functions=frozenset({"f"})), "f", "orders", (), "not_exposed"),
        (rules(allowed_functions=frozenset({"f*"})), "fg", "default", (), "not_exposed"),
        # namespaces: exact, bare wildcard or match("...")
        (rules(namespaces={"n": ("f",)}), "f", "n", (), "allowed"),
        (rules(namespaces={"n": ("f",)}), "f", "default", (), "not_exposed"),
        (rules(namespaces={"n": ("a::*",)}), "a::b", "n", (), "allowed"),
        (rules(namespaces={"n": ('match("a::*")',)}), "a::b", "n", (), "allowed"),
        (rules(namespaces={"n": ("a",)}), "b", "n", (), "not_exposed"),
    ],
)
def test_table(
    one: Rules, function_id: str, namespace: str, metadata: tuple[Any, ...], verdict: str
) -> None:
    assert decide([one], function_id, namespace=namespace, metadata=metadata) == verdict


def test_all_rules_must_allow() -> None:
    assert decide([PUBLIC, OPEN], "public::a") == "allowed"
    assert decide([PUBLIC, CLOSED], "public::a") == "not_exposed"
    assert decide([CLOSED, Rules(forbidden_functions=("x",))], "x") == "forbidden"
    assert decide([], "x") == "allowed"


@pytest.mark.parametrize(
    "value",
    [
        "public::*",
        "*",
        1,
        None,
        [],
        {},
        {"match": "a", "metadata": {"b": 1}},
        {"namespace": "n"},
        {"match": ""},
        {"match": 1},
        {"match": "a" * 1001},
        {"match": "a", "namespace": 1},
        {"metadata": {}},
        {"metadata": []},
        {"match": "a", "regex": "b"},
    ],
)
def test_other_filters_are_refused(value: Any) -> None:
    with pytest.raises(InvalidRules):
        read_filter(value)


@pytest.mark.parametrize("value", [{"f": 1}, "match('a')", None, 1])
def test_filters_come_as_a_list(value: Any) -> None:
    with pytest.raises(InvalidRules):
        read_filters(value)


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        ([1, {"a": None}], [1, {"a": None}], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (1, 1.0, True),
        (0, False, False),
        (None, None, True),
        ("match", "match", True),
    ],
)
def test_metadata_is_compared_as_json(wanted: Any, value: Any, fits: bool) -> None:
    one = read_filter({"metadata": {"key": wanted}})
    assert one.fits_metadata("default", {"key": value}) is fits


def test_a_session_remembers_so_much_and_no_more() -> None:
    session = Session.of(PUBLIC)
    for number in range(MAX_REMEMBERED + 10):
        assert session.verdict("default", f"f{number}", lambda key: ()) == "not_exposed"
    assert len(session._remembered) <= MAX_REMEMBERED


def test_a_session_without_rules_is_open() -> None:
    assert Session().is_open
    assert Session.of(OPEN, Rules(context={"a": 1})).is_open
    assert not Session.of(OPEN, CLOSED).is_open
    assert not Session.of(Rules(middleware="m")).is_open
    assert not Session.of(Rules(allowed_trigger_types=frozenset())).is_open


def test_sessions_are_joined() -> None:
    session = Session.of(
        Rules(function_prefix="a", middleware="outer", context={"x": 1, "y": 1}),
        Rules(function_prefix="b", middleware="inner", context={"y": 2}),
    )
    assert session.prefix == "a::b::"
    assert session.middleware == "inner"
    assert session.context == {"x": 1, "y": 2}


def test_the_engines_functions_do_not_hide_in_a_namespace() -> None:
    """``engine::`` ids answer in every namespace, so they are judged as in ``default``."""
    session = Session.of(rules(namespaces={"n": ("*",)}))
    assert session.verdict("n", "f", lambda key: ()) == "allowed"
    assert session.verdict("n", "engine::queue::enqueue", lambda key: ()) == "not_exposed"
    assert session.verdict("n", "engine.queue.enqueue", lambda key: ()) == "not_exposed"
