"""The decision about one function (protocol reference, section 9.3): no state, no waiting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from iii_triggers.protocol.errors import Forbidden

from .rules import Rules
from .wildcards import matches, pattern_of

Verdict = Literal["allowed", "forbidden", "not_exposed"]

LEVELS = ("debug", "error", "info", "trace", "warn")

INFRASTRUCTURE = frozenset(
    (
        "engine::channels::create",
        "engine::workers::register",
        *(f"engine::log::{level}" for level in LEVELS),
        *(f"engine::baggage::{verb}" for verb in ("get", "get_all", "set")),
    )
)
"""What every SDK calls by itself."""

SAME_FUNCTION = frozenset({"iii::durable::publish", "enqueue", "emit"})
"""Names of one function: whoever forbids one of them means all."""

OLD_NAME = re.compile(
    r"engine\..*"
    r"|(state|stream)\.(get|set|delete|update|list|list_groups|list_all|send)"
    r"|kv_server\.(get|set|delete|update|list|list_keys_with_prefix)",
    re.DOTALL,
)
"""How the oldest SDKs write functions of the engine; other ids with dots are what they are."""

ADVICE = {
    "forbidden": "remove from rbac.forbidden_functions",
    "not_exposed": "add to rbac.expose_functions",
}


def decide(
    rules: Iterable[Rules],
    function_id: str,
    *,
    namespace: str = "default",
    metadata: Sequence[Any] = (),
) -> Verdict:
    """Tell whether all ``rules`` allow a function.

    ``metadata`` holds what each of its providers registered; none for an unknown function.
    """
    verdicts = {_decide(one, function_id, namespace, metadata) for one in rules}
    if "forbidden" in verdicts:
        return "forbidden"
    return "not_exposed" if "not_exposed" in verdicts else "allowed"


def refusal(function_id: str, verdict: Verdict) -> Forbidden:
    """Return the error of a call that is not allowed, in the words SDKs know (section 9.4)."""
    return Forbidden(f"function '{function_id}' not allowed ({ADVICE[verdict]})")


def canonical_id(function_id: str) -> str:
    """Return an id as it is written today; the oldest SDKs write the engine's own with dots."""
    if OLD_NAME.fullmatch(function_id):
        return function_id.replace(".", "::")
    return function_id


def _decide(rules: Rules, function_id: str, namespace: str, metadata: Sequence[Any]) -> Verdict:
    ids = {function_id, canonical_id(function_id)}
    names = SAME_FUNCTION if function_id in SAME_FUNCTION else ids | _old_names(function_id)
    forbidden = [pattern_of(item) for item in rules.forbidden_functions]
    if any(matches(pattern, name) for pattern in forbidden for name in names):
        return "forbidden"
    listed = [pattern_of(item) for item in rules.namespaces.get(namespace, ())]
    if (
        not rules.restricts_calls
        or any(matches(pattern, id_) for pattern in listed for id_ in ids)
        or (namespace == "default" and not ids.isdisjoint(rules.allowed_functions))
        or (namespace == "default" and not ids.isdisjoint(INFRASTRUCTURE))
        or _is_exposed(rules, ids, namespace, metadata)
    ):
        return "allowed"
    return "not_exposed"


def _old_names(function_id: str) -> set[str]:
    """Return the dotted name of a function of the engine: a rule may forbid it by that one."""
    old = function_id.replace("::", ".")
    return {old} if OLD_NAME.fullmatch(old) else set()


def _is_exposed(rules: Rules, ids: set[str], namespace: str, metadata: Sequence[Any]) -> bool:
    """Every provider's metadata must fit: nobody exposes the function of another by its own."""
    for item in rules.expose_functions:
        if any(item.fits_id(namespace, id_) for id_ in ids):
            return True
        if metadata and all(item.fits_metadata(namespace, one) for one in metadata):
            return True
    return False
