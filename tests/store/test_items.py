"""Items by group and key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from iii_triggers.protocol.errors import (
    InvalidArguments,
    LimitExceeded,
    PayloadTooLarge,
    SerializationFailed,
)
from iii_triggers.store.items import (
    ItemStore,
    ValueTooLarge,
    Written,
    json_text,
    kv_items,
    state_items,
    stream_items,
)
from iii_triggers.store.keys import InvalidKey

pytestmark = pytest.mark.django_db

STORES = {
    "state": (state_items, ("s",)),
    "kv": (kv_items, ("s",)),
    "stream": (stream_items, ("s", "g")),
}


@pytest.fixture(params=STORES)
def named(request: pytest.FixtureRequest) -> tuple[ItemStore, tuple[str, ...]]:
    return STORES[request.param]


def set_op(path: str, value: Any) -> dict[str, Any]:
    return {"type": "set", "path": path, "value": value}


def values_of(written: Written) -> tuple[bytes | None, bytes]:
    return written.old, written.new


def test_set_get_and_delete(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    assert items.get(group, "k") is None
    assert values_of(items.set(group, "k", b"1")) == (None, b"1")
    assert values_of(items.set(group, "k", b"null")) == (b"1", b"null")
    assert items.get(group, "k") == b"null"
    assert items.delete(group, "k") == b"null"
    assert items.delete(group, "k") is None
    assert items.get(group, "k") is None


def test_values_keep_the_text_they_came_in(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    text = '{"z": 1.10, "a": "\\u0000", "n": 123456789012345678901234567890, "é": "日本"}'.encode()
    items.set(group, "k", text)
    assert items.get(group, "k") == text


def test_an_overwritten_item_keeps_its_place(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    for key in ("c", "a", "b"):
        items.set(group, key, f'"{key}"'.encode())
    items.set(group, "a", b'"A"')
    items.update(group, "c", [set_op("", "C")])
    assert items.values(group) == [b'"C"', b'"A"', b'"b"']
    items.delete(group, "c")
    items.set(group, "c", b'"c"')
    assert items.values(group) == [b'"A"', b'"b"', b'"c"']


def test_groups_have_nothing_in_common(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    other = (*group[:-1], "other")
    items.set(group, "k", b"1")
    assert items.get(other, "k") is None
    assert items.values(other) == []


def test_stores_have_nothing_in_common() -> None:
    state_items.set(("s",), "k", b"1")
    assert kv_items.get(("s",), "k") is None
    assert kv_items.groups(()) == []


def test_groups_are_listed_once_sorted_and_while_they_have_items() -> None:
    for scope in ("b", "ä", "B", "a:1", "a", ""):
        for key in ("1", "2"):
            state_items.set((scope,), key, b"0")
    assert state_items.groups(()) == ["", "B", "a", "a:1", "b", "ä"]
    for key in ("1", "2"):
        state_items.delete(("b",), key)
    assert "b" not in state_items.groups(())


def test_groups_of_each_level_are_listed() -> None:
    for name, group in (("t", "2"), ("t", "1"), ("u", "3")):
        stream_items.set((name, group), "k", b"0")
    assert stream_items.groups(()) == ["t", "u"]
    assert stream_items.groups(("t",)) == ["1", "2"]
    assert stream_items.groups(("v",)) == []


def test_keys_differ_by_case(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    items.set(group, "k", b"1")
    items.set(group, "K", b"2")
    assert (items.get(group, "k"), items.get(group, "K")) == (b"1", b"2")


def test_an_update_tells_what_was_and_what_is(named: tuple[ItemStore, tuple[str, ...]]) -> None:
    items, group = named
    first = items.update(group, "k", [{"type": "increment", "path": "n", "by": 2}])
    assert (*values_of(first), first.errors) == (None, b'{"n":2}', [])
    second = items.update(group, "k", [{"type": "remove", "path": "n"}, set_op("a", 1)])
    assert (*values_of(second), second.errors) == (b'{"n":2}', b'{"a":1}', [])
    assert items.get(group, "k") == b'{"a":1}'


def test_an_update_tells_what_it_skipped() -> None:
    state_items.set(("s",), "k", b"[1]")
    updated = state_items.update(("s",), "k", [set_op("a", 1), {"type": "append", "value": 2}])
    assert updated.new == b"[1,2]"
    assert [problem["code"] for problem in updated.errors] == ["set.target_not_object"]


@pytest.mark.parametrize("ops", [{}, [{"type": "explode"}], None])
def test_an_update_without_operations_is_refused(ops: Any) -> None:
    with pytest.raises(InvalidArguments):
        state_items.update(("s",), "k", ops)
    assert state_items.get(("s",), "k") is None


WRONG_KEYS = ["", "x" * 513, "é" * 257, "a\0b", "\ud800"]


@pytest.mark.parametrize("key", WRONG_KEYS, ids=ascii)
@pytest.mark.parametrize(
    "act",
    [
        lambda key: state_items.set(("s",), key, b"1"),
        lambda key: state_items.update(("s",), key, []),
        lambda key: state_items.get(("s",), key),
        lambda key: state_items.delete(("s",), key),
    ],
    ids=["set", "update", "get", "delete"],
)
def test_an_impossible_key_is_refused(act: Callable[[str], Any], key: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        act(key)
    assert caught.value.code == "INVALID_KEY"


@pytest.mark.parametrize("name", WRONG_KEYS[1:], ids=ascii)
def test_an_impossible_group_is_refused(name: str) -> None:
    for act in (
        lambda: stream_items.set(("s", name), "k", b"1"),
        lambda: stream_items.values((name, "g")),
        lambda: stream_items.groups((name,)),
    ):
        with pytest.raises(InvalidKey):
            act()


def test_the_longest_key_is_possible() -> None:
    stream_items.set(("é" * 256, "x" * 512), "y" * 512, b"1")
    assert stream_items.get(("é" * 256, "x" * 512), "y" * 512) == b"1"


def test_a_value_has_a_largest_size(settings: Any) -> None:
    settings.III_STATE_MAX_VALUE_BYTES = 10
    state_items.set(("s",), "k", b'"12345678"')
    expected = "value of 11 bytes exceeds the configured max_value_bytes limit of 10"
    with pytest.raises(ValueTooLarge) as caught:
        state_items.set(("s",), "k", b'"123456789"')
    assert (caught.value.code, caught.value.message) == ("VALUE_TOO_LARGE", expected)
    with pytest.raises(ValueTooLarge):
        state_items.update(("s",), "k", [{"type": "append", "value": "9"}])
    assert state_items.get(("s",), "k") == b'"12345678"'


def test_values_of_a_group_are_refused_when_they_are_too_many(settings: Any) -> None:
    settings.III_MAX_FRAME_BYTES = 1024
    for number in range(4):
        state_items.set(("s",), str(number), b'"%s"' % (b"x" * 254))
    assert len(state_items.values(("s",))) == 4
    state_items.set(("s",), "one more", b"1")
    with pytest.raises(PayloadTooLarge, match="more than 1024 bytes"):
        state_items.values(("s",))


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_has_a_largest_depth() -> None:
    assert json_text(nested(120)) == b"[" * 120 + b"1" + b"]" * 120
    with pytest.raises(LimitExceeded):
        json_text(nested(121))
    state_items.set(("s",), "k", json_text(nested(1)))
    with pytest.raises(LimitExceeded):
        state_items.update(("s",), "k", [set_op("", nested(121))])


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(SerializationFailed):
        json_text(object())


def test_a_write_is_undone_with_the_transaction_of_the_caller() -> None:
    state_items.set(("s",), "kept", b"1")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        state_items.set(("s",), "kept", b"2")
        state_items.set(("s",), "new", b"2")
        raise ZeroDivisionError
    assert state_items.get(("s",), "kept") == b"1"
    assert state_items.get(("s",), "new") is None


@pytest.fixture
def together(transactional_db: None) -> Iterator[Callable[[Callable[[int], Any]], list[Any]]]:
    """Run something in eight threads that begin at the same moment."""
    barrier = threading.Barrier(8)

    def one(act: Callable[[int], Any], number: int) -> Any:
        barrier.wait(10)
        try:
            return act(number)
        finally:
            connections.close_all()

    def together(act: Callable[[int], Any]) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda number: one(act, number), range(8)))

    yield together
    connection.close()


Together = Callable[[Callable[[int], Any]], list[Any]]


def test_updates_at_the_same_time_all_count(together: Together) -> None:
    def act(number: int) -> None:
        for _ in range(10):
            state_items.update(("s",), "k", [{"type": "increment", "path": "n", "by": 1}])

    together(act)
    assert state_items.get(("s",), "k") == b'{"n":80}'


def test_of_first_writes_at_the_same_time_one_creates(together: Together) -> None:
    for round_ in range(5):
        key = f"k{round_}"
        done = together(lambda number, key=key: state_items.set(("s",), key, b"%d" % number))  # type: ignore[misc]
        assert sorted(written.old is None for written in done) == [False] * 7 + [True]
        assert {written.old for written in done} | {state_items.get(("s",), key)} == {
            None,
            *(b"%d" % number for number in range(8)),
        }


def test_writes_and_deletes_at_the_same_time_do_not_fail(together: Together) -> None:
    def act(number: int) -> None:
        for _ in range(10):
            if number % 2:
                stream_items.delete(("s", "g"), "k")
            else:
                stream_items.set(("s", "g"), "k", b"1")

    together(act)
    assert stream_items.values(("s", "g")) in ([], [b"1"])
