"""The account of what was published: who heard it, and why somebody did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.notes import notes

from .fleet import FLEET, FleetWorker
from .outages import Outages
from .requests import Request
from .strikes import REDIS
from .words import heard

HEARD_S = 2.0
"""How long a message may be under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsAccount:
    """Messages count once for each subscriber."""

    published: int
    owed: int
    lost: int
    """Not heard, because a process that had to do with it was away; nothing is kept for it."""
    unexplained: tuple[str, ...]
    heard_again: int

    def facts(self) -> list[str]:
        """Say all that in a line."""
        line = f"{self.published} messages to {len(FLEET)} subscribers: "
        line += f"{self.owed - self.lost - len(self.unexplained)} heard, "
        line += f"{self.lost} missed while one was away, {self.heard_again} heard again"
        return [line]

    def failures(self) -> list[str]:
        """Name what must not be."""
        if not self.unexplained:
            return []
        first = "; ".join(self.unexplained[:5])
        return [f"{len(self.unexplained)} missed although all were there: {first}"]


def account(requests: Sequence[Request], outages: Outages, folder: Path) -> NewsAccount:
    """Compare what was published with what was heard."""
    published = [r for r in requests if r.route == "kill.publish" and r.is_answered]
    ears = {worker.name: Counter(notes(folder, heard(worker.name))) for worker in FLEET}
    missed = [(r, w) for r in published for w in FLEET if not ears[w.name][r.n]]
    unexplained = [(r, w) for r, w in missed if not _is_explained(r, w, outages)]
    return NewsAccount(
        published=len(published),
        owed=len(published) * len(FLEET),
        lost=len(missed) - len(unexplained),
        unexplained=tuple(f"{r.n} of {r.door} by {w.name} at {w.door}" for r, w in unexplained),
        heard_again=sum(count - 1 for ear in ears.values() for count in ear.values()),
    )


def _is_explained(request: Request, worker: FleetWorker, outages: Outages) -> bool:
    began, ended = request.began, request.ended + HEARD_S
    names = (request.door, worker.name, worker.door, REDIS)
    return any(outage.covers(began, ended, grace_s=HEARD_S) for outage in outages.of(*names))
