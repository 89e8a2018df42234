"""Update operations on JSON values (trigger reference, section 7.3).

An operation is an object with a ``type``: set, merge, increment, decrement, remove or append.
They are applied in order; one that fails is skipped and reported, and the others still apply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import InvalidArguments, LimitExceeded
from iii_triggers.protocol.json_values import depth_of

from .update_paths import FORBIDDEN, OpFailed, Path, is_number, segments_of, show, type_name

MAX_OPS = 1000
MAX_MERGE_KEYS = 1024
MAX_MERGE_DEPTH = 16

MISSING: Any = object()
"""In place of a value: there is none."""

J = TypeVar("J")


class SetOp(Struct, tag="set", tag_field="type", kw_only=True):
    """Give the key ``path`` a value; "" is the whole value."""

    path: str
    value: Any = None


class MergeOp(Struct, tag="merge", tag_field="type", kw_only=True):
    """Put the keys of ``value`` beside those of the object at ``path``."""

    path: Path = None
    value: Any


class IncrementOp(Struct, tag="increment", tag_field="type", kw_only=True):
    """Add ``by`` to a number; a missing one counts as 0."""

    path: str
    by: int | float


class DecrementOp(Struct, tag="decrement", tag_field="type", kw_only=True):
    """Take ``by`` from a number; a missing one counts as 0."""

    path: str
    by: int | float


class RemoveOp(Struct, tag="remove", tag_field="type", kw_only=True):
    """Remove a key; "" makes the whole value null."""

    path: str


class AppendOp(Struct, tag="append", tag_field="type", kw_only=True):
    """Push ``value`` to the array at ``path``, or add it to the end of the string there."""

    path: Path = None
    value: Any


UpdateOp = SetOp | MergeOp | IncrementOp | DecrementOp | RemoveOp | AppendOp

Problem = dict[str, Any]
"""Why an operation was skipped: ``{"op_index": int, "code": str, "message": str}``."""


def parse_ops(ops: Any) -> list[UpdateOp]:
    """Return operations that came as JSON. Raise InvalidArguments, LimitExceeded."""
    try:
        parsed: list[UpdateOp] = msgspec.convert(ops, list[UpdateOp])
    except msgspec.ValidationError as error:
        raise InvalidArguments(str(error)) from error
    if len(parsed) > MAX_OPS:
        raise LimitExceeded(
            f"{len(parsed)} operations exceed the limit of {MAX_OPS} in one update."
        )
    return parsed


def apply_ops(old: Any, ops: Sequence[UpdateOp]) -> tuple[Any, list[Problem]]:
    """Return what operations make of a JSON value (or MISSING), and why some were skipped.

    Nothing that is passed in changes. Raise SerializationFailed for values that are not JSON.
    """
    document = _Document(MISSING if old is MISSING else _copy(old))
    problems: list[Problem] = []
    for index, op in enumerate(ops):
        try:
            document.apply(op)
        except OpFailed as error:
            problems.append({"op_index": index, "code": error.code, "message": error.message})
    return document.object_or_value(), problems


def _copy(value: J) -> J:
    copied: J = from_json(Payload.of(value).json())
    return copied


@dataclass(slots=True)
class _Document:
    """A JSON value while operations change it."""

    root: Any

    def apply(self, op: UpdateOp) -> None:
        """Apply one operation. Raise OpFailed, with nothing changed."""
        match op:
            case SetOp():
                self._set(segments_of("set", op.path), _copy(op.value))
            case MergeOp():
                self._merge(segments_of("merge", op.path), op.value)
            case IncrementOp():
                self._add("increment", segments_of("increment", op.path), op.by)
            case DecrementOp():
                self._add("decrement", segments_of("decrement", op.path), -op.by)
            case RemoveOp():
                self._remove(segments_of("remove", op.path))
            case AppendOp():
                self._append(segments_of("append", op.path), _copy(op.value))

    def object_or_value(self) -> Any:
        """Return the value; one that is missing begins as an empty object."""
        return {} if self.root is MISSING else self.root

    def _set(self, path: tuple[str, ...], value: Any) -> None:
        if path:
            self._object("set", path)[path[0]] = value
        else:
            self.root = value

    def _remove(self, path: tuple[str, ...]) -> None:
        if path:
            self._object("remove", path).pop(path[0], None)
        else:
            self.root = None

    def _add(self, op: str, path: tuple[str, ...], by: float) -> None:
        old = self._object(op, path).get(path[0], MISSING) if path else self.root
        if old is not MISSING and not is_number(old):
            message = f"Expected number at path '{show(path)}', got {type_name(old)}."
            raise OpFailed(message, code=f"{op}.not_number")
        self._set(path, _sum(op, path, 0 if old is MISSING else old, by))

    def _merge(self, path: tuple[str, ...], value: Any) -> None:
        _check_merge(value)
        if not isinstance(self.object_or_value(), dict):
            if not path:
                return  # as SDKs know it: a value that is no object stays, and nobody is told
            self.root = {}
        target = self._object("merge", path)
        for key in path:
            target = _descend(target, key)
        target.update(_copy(value))

    def _append(self, path: tuple[str, ...], value: Any) -> None:
        if not path:
            self.root = _appended(path, self.root, value)
            return
        target = self._leaf_or_missing(path)
        value = _appended(path, target, value)
        parent = self._object("append", path)
        for key in path[:-1]:
            parent = _descend(parent, key)
        parent[path[-1]] = value

    def _leaf_or_missing(self, path: tuple[str, ...]) -> Any:
        target: Any = self._object("append", path)
        for key in path:
            target = target.get(key, MISSING) if isinstance(target, dict) else MISSING
        return target

    def _object(self, op: str, path: tuple[str, ...]) -> dict[str, Any]:
        """Return the root, in which ``path`` begins. Raise OpFailed unless it is an object."""
        self.root = self.object_or_value()
        if isinstance(self.root, dict):
            return self.root
        raise OpFailed(
            f"Cannot {op} at path '{show(path)}': "
            f"target is {type_name(self.root)}, expected object.",
            code=f"{op}.target_not_object",
        )


def _descend(target: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object below ``key``; what is no object gives way to one."""
    if not isinstance(target.get(key), dict):
        target[key] = {}
    below: dict[str, Any] = target[key]
    return below


def _sum(op: str, path: tuple[str, ...], old: float, by: float) -> Any:
    total: Any
    try:
        total = old + by
    except OverflowError:  # an integer beyond all floats, and a float
        total = math.inf
    if isinstance(total, float) and not math.isfinite(total):
        message = f"The number at path '{show(path)}' would be too large."
        raise OpFailed(message, code=f"{op}.not_number")
    return total


def _appended(path: tuple[str, ...], target: Any, value: Any) -> Any:
    """Return what becomes of ``target``, which may be MISSING, or of an array in place.

    Raise OpFailed.
    """
    if isinstance(target, list):
        target.append(value)
        return target
    if isinstance(target, str) and isinstance(value, str):
        return target + value
    if target is MISSING or target is None:
        return value if isinstance(value, str) and len(path) < 2 else [value]
    message = (
        f"Cannot append {type_name(value)} at path '{show(path)}': target is {type_name(target)}."
    )
    raise OpFailed(message, code="append.type_mismatch")


def _check_merge(value: Any) -> None:
    if not isinstance(value, dict):
        message = f"Merge value must be an object, got {type_name(value)}."
        raise OpFailed(message, code="merge.value.not_an_object")
    if len(value) > MAX_MERGE_KEYS:
        message = f"Merge value with {len(value)} keys exceeds maximum of {MAX_MERGE_KEYS}"
        raise OpFailed(message, code="merge.value.too_many_keys")
    for key in FORBIDDEN.intersection(value):
        message = f"Merge value key '{key}' is not allowed (prototype pollution)."
        raise OpFailed(message, code="merge.value.proto_polluted")
    if depth_of(value) > MAX_MERGE_DEPTH:
        message = f"Merge value depth {depth_of(value)} exceeds maximum of {MAX_MERGE_DEPTH}"
        raise OpFailed(message, code="merge.value.too_deep")
