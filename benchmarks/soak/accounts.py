"""The account at the end: everything that was acknowledged was run, or is dead with a reason."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.notes import notes
from benchmarks.sites import Site

from .orders import ACKNOWLEDGED
from .topic import TOPIC

UNFINISHED = (
    "SELECT state, waits_for, COUNT(*) FROM iii_triggers_delivery "
    f"WHERE topic = '{TOPIC}' AND state IN ('queued', 'leased', 'retry', 'held') "
    "GROUP BY state, waits_for"
)
DELIVERIES = (
    "SELECT function_id, state, payload, error_code FROM iii_triggers_delivery "
    f"WHERE topic = '{TOPIC}'"
)
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of the numbers that were published."""

    acknowledged: int
    subscribers: int
    lost: tuple[tuple[str, int], ...]
    """Function and number: acknowledged, neither run nor dead."""
    dead: Counter[str]
    """How many deliveries are dead, by their reason."""
    ran_again: int
    """How often a function ran for a delivery that had run before."""
    published_again: int
    """How often a publisher did not hear that a message was accepted."""
    never_happened: int
    """How many numbers were seen that were rolled back."""
    unfinished: str
    """What still waits at the deadline; "" is nothing."""

    def failures(self) -> list[str]:
        """Name what must not be."""
        found = []
        if self.lost:
            found.append(f"{len(self.lost)} lost: {', '.join(map(str, self.lost[:10]))}")
        if "" in self.dead:
            found.append(f"{self.dead['']} are dead without a reason")
        if self.never_happened:
            found.append(f"{self.never_happened} numbers were seen that were rolled back")
        if self.unfinished:
            found.append(f"unfinished at the deadline: {self.unfinished}")
        return found

    def facts(self) -> str:
        """Say all that in a line."""
        dead = ", ".join(f"{count} {code}" for code, count in self.dead.items())
        line = f"{self.acknowledged} messages to {self.subscribers} subscribers, "
        line += f"lost {len(self.lost)}, dead {self.dead.total()}{f' ({dead})' if dead else ''}, "
        return line + f"ran again {self.ran_again}, published again {self.published_again}"


def settle(site: Site, functions: Sequence[str], *, timeout_s: float) -> Account:
    """Wait until nothing is unfinished, or until the deadline; return the account."""
    deadline = time.monotonic() + timeout_s
    while (left := site.database.query(UNFINISHED)) and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    unfinished = ", ".join(f"{count} {state} {waits}".strip() for state, waits, count in left)
    return _account(site, functions, unfinished)


def _account(site: Site, functions: Sequence[str], unfinished: str) -> Account:
    accepted = set(notes(site.folder, ACKNOWLEDGED))
    ran = {function_id: Counter(notes(site.folder, function_id)) for function_id in functions}
    rows: dict[str, Counter[int]] = defaultdict(Counter)
    given_up: set[tuple[str, int]] = set()
    dead: Counter[str] = Counter()
    for function_id, state, payload, code in site.database.query(DELIVERIES):
        number = json.loads(payload)["n"]
        rows[function_id][number] += 1
        if state == "dead":
            given_up.add((function_id, number))
            dead[code] += 1
    owed = {(function_id, number) for function_id in functions for number in accepted}
    done = {(function_id, number) for function_id in functions for number in ran[function_id]}
    return Account(
        acknowledged=len(accepted),
        subscribers=len(functions),
        lost=tuple(sorted(owed - done - given_up)),
        dead=dead,
        ran_again=sum((ran[name] - rows[name]).total() for name in functions),
        published_again=max((rows[name] - Counter(set(rows[name]))).total() for name in functions),
        never_happened=sum(
            number < 0 for seen in (*rows.values(), *ran.values()) for number in seen
        ),
        unfinished=unfinished,
    )
