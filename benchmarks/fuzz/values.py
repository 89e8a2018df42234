"""Values that nobody expects, as JSON text (which Python's own values could not spell)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

ODD = (
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "-Infinity",
    "1.7976931348623157e308",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "9" * 400,
    "0." + "3" * 400,
    "1e-400",
    "01",
    '""',
    '" "',
    r'"\u0000"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\ud83d\ude00"',
    '"\N{LINE SEPARATOR}\N{RIGHT-TO-LEFT OVERRIDE}"',
    '"\x00"',
    r'"\x41"',
    '"%s%n{0}${HOME}"',
    '"../../etc/passwd"',
    '"\'; DROP TABLE iii_triggers_worker; --"',
    '"<script>alert(1)</script>"',
    "[]",
    "{}",
    "[[]]",
    '{"":{}}',
    "[null,null]",
    "'single'",
    "{",
    "]",
    "",
)

KEYS = (
    "",
    "id",
    "type",
    "data",
    "config",
    "function_id",
    "trigger_type",
    "invocation_id",
    "namespace",
    "__proto__",
    "__class__",
    "message_type",
    "_caller_worker_id",
    r"\u0000",
    r"\ud800",
)


class Values:
    """Draws values; ``names`` are ids that keep coming back, so that what is stored stays small."""

    def __init__(self, chance: random.Random, *, names: int = 30) -> None:
        self._chance = chance
        self._names = names
        self._makers: tuple[Callable[[], str], ...] = (
            self._odd,
            self._odd,
            self._odd,
            self.name,
            self._number,
            self._list,
            self._object,
            self._deep,
            self._long,
        )

    def any(self) -> str:
        """Return any value."""
        return self._chance.choice(self._makers)()

    def name(self) -> str:
        """Return an id, as JSON text."""
        return f'"fuzz.{self._chance.randrange(self._names)}"'

    def object_of(self, keys: tuple[str, ...]) -> str:
        """Return an object with some of these keys and values of any kind."""
        some = self._chance.sample(keys, self._chance.randint(0, min(6, len(keys))))
        return "{" + ",".join(f'"{key}":{self._likely()}' for key in some) + "}"

    def _likely(self) -> str:
        """Return what may well be right."""
        return self.name() if self._chance.random() < 0.5 else self.any()

    def _odd(self) -> str:
        return self._chance.choice(ODD)

    def _number(self) -> str:
        return str(self._chance.randint(-(2**70), 2**70))

    def _list(self) -> str:
        return f"[{','.join(self._odd() for _ in range(self._chance.randint(0, 5)))}]"

    def _object(self) -> str:
        return self.object_of(KEYS)

    def _deep(self) -> str:
        depth = self._chance.choice((2, 60, 70, 500, 1100, 3000))
        if self._chance.random() < 0.5:
            return "[" * depth + "]" * depth
        return '{"a":' * depth + "1" + "}" * depth

    def _long(self) -> str:
        size = self._chance.choice((256, 257, 1000, 5000, 20_000))
        return json.dumps(self._chance.choice(("x", "\N{EURO SIGN}", '"')) * size)
