"""Whatever people and functions write, reading it ends in rules or in a coded error."""

from __future__ import annotations

import random
from typing import Any

from iii_triggers.engine.access.authentication import request_of
from iii_triggers.engine.access.decision import decide
from iii_triggers.engine.access.filters import InvalidRules, read_filter
from iii_triggers.engine.access.listeners import (
    LISTENER_KEYS,
    RBAC_KEYS,
    listener_problems,
    read_listener,
)
from iii_triggers.engine.access.reading import AuthResult, rules_of_answer
from iii_triggers.engine.access.rules import NO_RULES, Rules
from iii_triggers.protocol.errors import AuthenticationFailed

ROUNDS = 5000
KEYS = (*LISTENER_KEYS, *RBAC_KEYS, *AuthResult.__struct_fields__, "match", "metadata", "namespace")
TEXTS = ("", " ", "*", "a*", 'match("*")', 'match("', "match()", "p", "engine::x", "\0", "é" * 50)


def value(chance: random.Random, depth: int = 3) -> Any:
    kind = chance.randrange(8 if depth else 5)
    if kind < 5:
        return chance.choice([None, True, False, 0, -1, 1.5, 49135, *TEXTS])
    if kind == 5:
        return [value(chance, depth - 1) for _ in range(chance.randrange(3))]
    keys = chance.choices([*KEYS, *TEXTS], k=chance.randrange(4))
    return {key: value(chance, depth - 1) for key in keys}


def test_filters() -> None:
    chance, read = random.Random(1), 0
    for _ in range(ROUNDS):
        try:
            one = read_filter(value(chance))
        except InvalidRules as error:
            assert error.message
            continue
        read += 1
        rules = Rules(restricts_calls=True, expose_functions=(one,))
        assert decide([rules], "f", metadata=[value(chance)]) in {"allowed", "not_exposed"}
    assert read


def test_listeners() -> None:
    chance, read = random.Random(2), 0
    for _ in range(ROUNDS):
        item = value(chance)
        try:
            read_listener(item)
        except InvalidRules as error:
            assert error.message
            assert list(listener_problems([item]))
            continue
        read += 1
        assert list(listener_problems([item])) == []
    assert read


def test_answers_of_auth_functions() -> None:
    chance, let_in = random.Random(3), 0
    for _ in range(ROUNDS):
        try:
            rules = rules_of_answer(NO_RULES, value(chance))
        except AuthenticationFailed as error:
            assert error.message
            continue
        let_in += 1
        assert decide([rules], "f", namespace="n") in {"allowed", "forbidden"}
    assert let_in


def test_requests() -> None:
    chance = random.Random(4)
    for _ in range(ROUNDS):
        headers = [(chance.randbytes(3), chance.randbytes(5)) for _ in range(3)]
        scope = {"headers": headers, "query_string": chance.randbytes(12), "client": None}
        request = request_of(scope)
        assert request["ip_address"] == ""
        assert all(isinstance(text, str) for text in request["headers"].values())
        assert all(isinstance(texts, list) for texts in request["query_params"].values())
