"""Triggers by what they ask of an event."""

from __future__ import annotations

from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types.filters import Facts, FilteredTriggers


def trigger(id_: str) -> Trigger:
    return Trigger(id=id_, trigger_type="t", function_id="f")


def found(triggers: FilteredTriggers, *facts: str) -> list[str]:
    return sorted(one.id for one in triggers.matching(facts))


def test_a_filter_asks_for_equality_where_it_asks() -> None:
    triggers = FilteredTriggers()
    triggers.add(trigger("any"), [(None, None)])
    triggers.add(trigger("a"), [("a", None)])
    triggers.add(trigger("x"), [(None, "x")])
    triggers.add(trigger("ax"), [("a", "x")])
    triggers.add(trigger("empty"), [("", None)])
    assert found(triggers, "a", "x") == ["a", "any", "ax", "x"]
    assert found(triggers, "a", "y") == ["a", "any"]
    assert found(triggers, "b", "y") == ["any"]
    assert found(triggers, "", "x") == ["any", "empty", "x"]


def test_a_trigger_with_several_filters_is_found_once() -> None:
    triggers = FilteredTriggers()
    triggers.add(trigger("t"), [("a", None), (None, "x"), ("b", None)])
    facts: list[Facts] = [("a", "x"), ("b", "y"), ("c", "x")]
    assert [found(triggers, *each) for each in facts] == [["t"]] * 3
    assert found(triggers, "c", "y") == []
    triggers.remove(trigger("t"))
    triggers.remove(trigger("t"))
    assert [found(triggers, *each) for each in facts] == [[]] * 3


def test_a_trigger_that_is_added_again_is_replaced() -> None:
    triggers = FilteredTriggers()
    triggers.add(trigger("t"), [("a",)])
    triggers.add(trigger("t"), [("b",)])
    assert found(triggers, "a") == []
    assert found(triggers, "b") == ["t"]


def test_a_filter_that_is_given_twice_counts_once() -> None:
    triggers = FilteredTriggers()
    triggers.add(trigger("t"), [("a",), ("a",), ("b",)])
    triggers.remove(trigger("t"))
    assert [found(triggers, fact) for fact in ("a", "b")] == [[], []]
