"""The account of the requests: which failed, and which of those had a right to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .fleet import FleetWorker, workers_of
from .outages import Outages
from .requests import FUNCTIONS, Request
from .strikes import REDIS

DOOR_DIED = "its process was killed"
DOOR_DOWN = "its process was away"
WORKER_DIED = "its worker, or the process of that, was killed"
ONLY_WORKER_AWAY = "its only worker was away"
REDIS_AWAY = "Redis was away"
VIOLATION = "VIOLATION"

AWAY = (404, 503)
"""What is answered while a worker is away: its routes go with it, once that is noticed."""

REDIS_GRACE_S = 5.0
"""How long processes may take to come back to Redis."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A request and why it failed."""

    request: Request
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAccount:
    """What became of all requests."""

    total: int
    failed: tuple[Judged, ...]
    median_s: float
    slowest_s: float
    """The longest wait for an answer as it should be, as the median of the same."""
    back_s: dict[str, float]
    """By process: how long after it was back a route of it did not answer, at most."""

    def facts(self) -> list[str]:
        """Tell of all kinds."""
        answered = self.total - len(self.failed)
        lines = [f"{self.total} requests, {answered} answered, median "]
        lines[0] += f"{self.median_s * 1000:.0f} ms, slowest {self.slowest_s:.1f} s"
        alike = Counter((one.kind, one.request.status) for one in self.failed)
        for (kind, status), count in sorted(alike.items()):
            lines.append(f"{count} failed ({status or 'no answer'}): {kind}")
        return lines

    def violations(self) -> list[Request]:
        """Return the requests that had no right to fail."""
        return [one.request for one in self.failed if one.kind == VIOLATION]

    def failures(self) -> list[str]:
        """Name what must not be, what is alike together."""
        alike = Counter(map(_described, self.violations()))
        return [f"{count} failed without a reason: {what}" for what, count in alike.most_common(12)]


def account(requests: Sequence[Request], outages: Outages) -> HttpAccount:
    """Judge every request."""
    waits = [one.ended - one.began for one in requests if one.is_answered]
    failed = [Judged(one, judge(one, outages)) for one in requests if not one.is_answered]
    return HttpAccount(
        total=len(requests),
        failed=tuple(failed),
        median_s=median(waits or [0.0]),
        slowest_s=max(waits, default=0.0),
        back_s=_back(requests, outages),
    )


def judge(request: Request, outages: Outages) -> str:
    """Say why a request failed."""
    began, ended = request.began, request.ended
    if any(outage.hits(began, ended) for outage in outages.of(request.door)):
        return DOOR_DIED
    if any(outage.is_down(began, ended) for outage in outages.of(request.door)):
        return DOOR_DOWN
    workers = workers_of(request.route)
    names = _processes(workers)
    if any(outage.hits(began, ended) for outage in outages.of(*names)):
        return WORKER_DIED
    is_alone = len(workers) == 1 and request.status in AWAY
    if is_alone and any(outage.covers(began, ended) for outage in outages.of(*names)):
        return ONLY_WORKER_AWAY
    is_here = request.route not in FUNCTIONS or request.door in {w.door for w in workers}
    if not is_here and any(
        outage.covers(began, ended, grace_s=REDIS_GRACE_S) for outage in outages.of(REDIS)
    ):
        return REDIS_AWAY
    return VIOLATION


def _described(request: Request) -> str:
    detail = " ".join(request.detail.split())[:120]
    return f"{request.door} {request.route} {request.status or 'no answer'} {detail}"


def _processes(workers: Iterable[FleetWorker]) -> set[str]:
    """Return the processes a call of theirs ends with: theirs, and those they are connected to."""
    return {name for worker in workers for name in (worker.name, worker.door)}


def _back(requests: Sequence[Request], outages: Outages) -> dict[str, float]:
    """Return how long each process took to answer every route again after it was back."""
    found: dict[str, float] = defaultdict(float)
    for outage in outages.all:
        first: dict[str, float] = {}
        for request in requests:
            if (
                request.door == outage.name
                and request.is_answered
                and request.began > outage.back_at
            ):
                first.setdefault(request.route, request.ended - outage.back_at)
        if first:
            found[outage.name] = max(found[outage.name], *first.values())
    return dict(found)
