"""Update operations (trigger reference, section 7.3)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from iii_triggers.protocol.errors import InvalidArguments, LimitExceeded, SerializationFailed
from iii_triggers.store.update_ops import MAX_OPS, MISSING, apply_ops, parse_ops

Op = dict[str, Any]


def op(type_: str, /, **fields: Any) -> Op:
    return {"type": type_, **fields}


def applied(old: Any, *ops: Op) -> Any:
    """Return the new value; nothing may have failed."""
    new, problems = apply_ops(old, parse_ops(list(ops)))
    assert problems == []
    return new


def problem(old: Any, failing: Op) -> tuple[str, str]:
    """Return code and message of an operation that must fail and leave the value as it is."""
    new, problems = apply_ops(old, parse_ops([failing]))
    assert new == old
    (found,) = problems
    assert found["op_index"] == 0
    assert sorted(found) == ["code", "message", "op_index"]
    return found["code"], found["message"]


WORKS: list[tuple[Any, list[Op], Any]] = [
    # A missing item begins as an object.
    (MISSING, [], {}),
    (MISSING, [op("set", path="a", value=1)], {"a": 1}),
    (MISSING, [op("remove", path="a")], {}),
    (MISSING, [op("merge", value={"a": 1})], {"a": 1}),
    (MISSING, [op("append", value=1)], [1]),
    (MISSING, [op("append", value="x")], "x"),
    (MISSING, [op("increment", path="", by=2)], 2),
    # set
    ({"a": 1}, [op("set", path="a", value=[1])], {"a": [1]}),
    ({"a": 1}, [op("set", path="b")], {"a": 1, "b": None}),
    ({"a": 1}, [op("set", path="a.b", value=2)], {"a": 1, "a.b": 2}),
    ({"a": 1}, [op("set", path="", value="text")], "text"),
    ({"a": 1}, [op("set", path="")], None),
    # merge
    ({"a": 1}, [op("merge", value={"b": 2})], {"a": 1, "b": 2}),
    ({"a": 1}, [op("merge", path="", value={"a": 2})], {"a": 2}),
    ({"a": 1}, [op("merge", path=[], value={"a": {"x": 1}})], {"a": {"x": 1}}),
    ({"a": {"x": 1}}, [op("merge", path="a", value={"y": 2})], {"a": {"x": 1, "y": 2}}),
    ({"a": {"x": {"k": 1}}}, [op("merge", path="a", value={"x": {}})], {"a": {"x": {}}}),
    ({"a": 7}, [op("merge", path=["a", "b"], value={"c": 1})], {"a": {"b": {"c": 1}}}),
    ({"a": [7]}, [op("merge", path="a", value={"c": 1})], {"a": {"c": 1}}),
    ({}, [op("merge", path=["a.b"], value={})], {"a.b": {}}),
    ([1], [op("merge", value={"a": 1})], [1]),
    ("text", [op("merge", path=["a"], value={"b": 1})], {"a": {"b": 1}}),
    # increment and decrement
    ({"n": 1}, [op("increment", path="n", by=2)], {"n": 3}),
    ({"n": 1}, [op("decrement", path="n", by=2)], {"n": -1}),
    ({}, [op("increment", path="n", by=2)], {"n": 2}),
    ({}, [op("decrement", path="n", by=2)], {"n": -2}),
    ({"n": 1}, [op("increment", path="n", by=0.5)], {"n": 1.5}),
    ({"n": 1.5}, [op("increment", path="n", by=1)], {"n": 2.5}),
    ({"n": 2**64}, [op("increment", path="n", by=1)], {"n": 2**64 + 1}),
    (5, [op("decrement", path="", by=2)], 3),
    # remove
    ({"a": 1, "b": 2}, [op("remove", path="a")], {"b": 2}),
    ({"a": 1}, [op("remove", path="b")], {"a": 1}),
    ({"a": 1}, [op("remove", path="")], None),
    # append
    ({"a": [1]}, [op("append", path="a", value=2)], {"a": [1, 2]}),
    ({"a": [1]}, [op("append", path="a", value=[2])], {"a": [1, [2]]}),
    ({"a": "x"}, [op("append", path="a", value="y")], {"a": "xy"}),
    ({}, [op("append", path="a", value="y")], {"a": "y"}),
    ({}, [op("append", path=["a"], value="y")], {"a": "y"}),
    ({"a": None}, [op("append", path="a", value="y")], {"a": "y"}),
    ({}, [op("append", path="a", value={"k": 1})], {"a": [{"k": 1}]}),
    ({}, [op("append", path=["a", "b"], value="y")], {"a": {"b": ["y"]}}),
    ({"a": {"b": None}}, [op("append", path=["a", "b"], value=1)], {"a": {"b": [1]}}),
    ({"a": {"b": [1]}}, [op("append", path=["a", "b"], value=2)], {"a": {"b": [1, 2]}}),
    ({"a": [9]}, [op("append", path=["a", "b"], value=2)], {"a": {"b": [2]}}),
    ([1], [op("append", value=2)], [1, 2]),
    ("x", [op("append", path="", value="y")], "xy"),
    (None, [op("append", path=[], value="y")], "y"),
    (None, [op("append", value=1)], [1]),
]


@pytest.mark.parametrize(("old", "ops", "new"), WORKS)
def test_operations_that_work(old: Any, ops: list[Op], new: Any) -> None:
    assert applied(old, *ops) == new


FAILS: list[tuple[Any, Op, str, str]] = [
    (7, op("set", path="p", value=1), "set.target_not_object",
     "Cannot set at path 'p': target is number, expected object."),
    ("x", op("increment", path="p", by=1), "increment.target_not_object",
     "Cannot increment at path 'p': target is string, expected object."),
    (True, op("decrement", path="p", by=1), "decrement.target_not_object",
     "Cannot decrement at path 'p': target is boolean, expected object."),
    ([], op("remove", path="p"), "remove.target_not_object",
     "Cannot remove at path 'p': target is array, expected object."),
    (None, op("append", path=["p", "q"], value=1), "append.target_not_object",
     "Cannot append at path 'p.q': target is null, expected object."),
    ({"p": "x"}, op("increment", path="p", by=1), "increment.not_number",
     "Expected number at path 'p', got string."),
    ({"p": True}, op("decrement", path="p", by=1), "decrement.not_number",
     "Expected number at path 'p', got boolean."),
    ({"p": None}, op("increment", path="p", by=1), "increment.not_number",
     "Expected number at path 'p', got null."),
    ({}, op("increment", path="", by=1), "increment.not_number",
     "Expected number at path '', got object."),
    ({"p": 1e308}, op("increment", path="p", by=1e308), "increment.not_number",
     "The number at path 'p' would be too large."),
    ({"p": 10**400}, op("increment", path="p", by=0.5), "increment.not_number",
     "The number at path 'p' would be too large."),
    ({"p": "x"}, op("append", path="p", value=1), "append.type_mismatch",
     "Cannot append number at path 'p': target is string."),
    ({"p": 1}, op("append", path="p", value=1), "append.type_mismatch",
     "Cannot append number at path 'p': target is number."),
    ({"p": {"q": {}}}, op("append", path=["p", "q"], value="x"), "append.type_mismatch",
     "Cannot append string at path 'p.q': target is object."),
    ({}, op("append", value=1), "append.type_mismatch",
     "Cannot append number at path '': target is object."),
    ({"a": 1}, op("merge", value=[1]), "merge.value.not_an_object",
     "Merge value must be an object, got array."),
    ({}, op("merge", value=dict.fromkeys(map(str, range(1025)))), "merge.value.too_many_keys",
     "Merge value with 1025 keys exceeds maximum of 1024"),
    ({}, op("merge", value={"__proto__": 1}), "merge.value.proto_polluted",
     "Merge value key '__proto__' is not allowed (prototype pollution)."),
    ({}, op("merge", value=json.loads('{"a":' * 17 + "1" + "}" * 17)), "merge.value.too_deep",
     "Merge value depth 17 exceeds maximum of 16"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "failing", "code", "message"), FAILS)
def test_operations_that_fail(old: Any, failing: Op, code: str, message: str) -> None:
    assert problem(old, failing) == (code, message)


@pytest.mark.parametrize("type_", ["merge", "append"])
@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (["k"] * 33, "too_deep", "Path depth 33 exceeds maximum of 32"),
        (["a", ""], "empty_segment", "Path contains an empty segment"),
        ([""], "empty_segment", "Path contains an empty segment"),
        (["é" * 129], "segment_too_long", "Path segment of 258 bytes exceeds maximum of 256"),
        (
            ["a", "constructor"],
            "proto_polluted",
            "Path segment 'constructor' is not allowed (prototype pollution).",
        ),
    ],
)
def test_paths_that_fail(type_: str, path: Any, code: str, message: str) -> None:
    assert problem({}, op(type_, path=path, value={})) == (f"{type_}.path.{code}", message)


@pytest.mark.parametrize("type_", ["set", "increment", "decrement", "remove"])
@pytest.mark.parametrize(("path", "code"), [("__proto__", "proto_polluted"), ("x" * 257, "")])
def test_keys_that_fail(type_: str, path: str, code: str) -> None:
    found, _ = problem({}, op(type_, path=path, by=1))
    assert found == f"{type_}.path.{code or 'segment_too_long'}"


def test_a_failing_operation_is_skipped_and_named_by_its_place() -> None:
    ops = [
        op("increment", path="n", by=1),
        op("increment", path="s", by=1),
        op("set", path="n2", value=2),
        op("append", path="n", value=1),
    ]
    new, problems = apply_ops({"n": 1, "s": "x"}, parse_ops(ops))
    assert new == {"n": 2, "s": "x", "n2": 2}
    assert [(one["op_index"], one["code"]) for one in problems] == [
        (1, "increment.not_number"),
        (3, "append.type_mismatch"),
    ]


def test_a_failing_append_creates_nothing_on_its_way() -> None:
    new, problems = apply_ops({"a": {"b": 1}}, parse_ops([op("append", path=["a", "b"], value=1)]))
    assert (new, len(problems)) == ({"a": {"b": 1}}, 1)


def test_what_is_passed_in_stays_as_it_is() -> None:
    old, shared = {"a": {"k": []}}, {"list": [1]}
    ops = parse_ops(
        [
            op("set", path="x", value=shared),
            op("set", path="y", value=shared),
            op("append", path=["x", "list"], value=2),
            op("append", path=["a", "k"], value=1),
        ]
    )
    for _ in range(2):
        new, _problems = apply_ops(old, ops)
        assert new == {"a": {"k": [1]}, "x": {"list": [1, 2]}, "y": {"list": [1]}}
    assert (old, shared) == ({"a": {"k": []}}, {"list": [1]})


@pytest.mark.parametrize(
    "ops",
    [
        None,
        {},
        "set",
        [None],
        [{}],
        [{"type": "explode"}],
        [{"set": {"path": "a"}}],
        [op("set")],
        [op("set", path=1)],
        [op("set", path=["a"], value=1)],
        [op("increment", path="n")],
        [op("increment", path="n", by="1")],
        [op("increment", path="n", by=True)],
        [op("remove")],
        [op("merge", path=[1], value={})],
        [op("append", path="a")],
    ],
)
def test_what_is_no_operation_is_refused(ops: Any) -> None:
    with pytest.raises(InvalidArguments):
        parse_ops(ops)


def test_too_many_operations_are_refused() -> None:
    assert len(parse_ops([op("remove", path="a")] * MAX_OPS)) == MAX_OPS
    with pytest.raises(LimitExceeded):
        parse_ops([op("remove", path="a")] * (MAX_OPS + 1))


def test_values_that_are_not_json_are_refused() -> None:
    with pytest.raises(SerializationFailed):
        apply_ops({}, parse_ops([op("set", path="a", value=object())]))


KEYS = ["", "a", "b", "a.b", "__proto__", "long" * 80]
SCALARS: list[Any] = [None, True, False, 0, -3, 2.5, 1e308, 2**70, "", "text", "\0", "é"]


def some_value(pick: random.Random, depth: int = 3) -> Any:
    kind = pick.randrange(4) if depth else 3
    if kind == 0:
        return [some_value(pick, depth - 1) for _ in range(pick.randrange(3))]
    if kind == 1:
        return {pick.choice(KEYS): some_value(pick, depth - 1) for _ in range(pick.randrange(3))}
    return pick.choice(SCALARS)


def some_op(pick: random.Random) -> Op:
    type_ = pick.choice(["set", "merge", "increment", "decrement", "remove", "append"])
    path: Any = pick.choice(KEYS)
    if type_ in ("merge", "append"):
        segments = [pick.choice(KEYS) for _ in range(pick.randrange(4))]
        path = pick.choice([path, segments, None])
    by = pick.choice([1, -2, 0.5, 1e308, 2**70])
    return op(type_, path=path, by=by, value=some_value(pick))


def test_whatever_the_operations_the_outcome_is_as_promised() -> None:
    """JSON goes in and comes out; each operation applies or is reported, as if it came alone."""
    for seed in range(2000):
        pick = random.Random(seed)
        old = some_value(pick)
        ops = [some_op(pick) for _ in range(pick.randrange(8))]
        before = json.dumps([old, ops])
        new, problems = apply_ops(old, parse_ops(ops))
        assert json.dumps([old, ops]) == before
        assert json.loads(json.dumps(new, allow_nan=False)) == new
        step, failed = old, []
        for index, one in enumerate(ops):
            step, its_problems = apply_ops(step, parse_ops([one]))
            failed += [{**found, "op_index": index} for found in its_problems]
        assert (new, problems) == (step, failed), f"seed {seed}"
