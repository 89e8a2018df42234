"""The sweeper: what lost its Celery message, its process, its function or its turn goes on.

Every step is a short transaction of conditional updates, so that any number of sweepers is
harmless. It runs in every Celery worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery, Function, Lane, Node, Subscription

from .create import send_all
from .outcomes import failure, leased
from .resending import next_send_at
from .sending import sender
from .subscriptions import adopt, end, unheld
from .turns import call_next, call_waiting, lock_limited, past_others

BATCH = 500
MAX_BATCHES = 20
SLOW_S = 0.02
IDLE_SHARE = 0.05

State = Delivery.State
WaitsFor = Delivery.WaitsFor

CRASHED = "process_died"
AWAY = "function_unavailable"
NO_SUBSCRIBER = "no_subscriber"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many rows each step changed."""

    released: int
    woken: int
    adopted: int
    called: int
    expired: int
    sent: int


@dataclass(slots=True)
class Sweeper:
    """Repeats the steps; one that finds nothing takes a small share of the time.

    Some have to look at all that waits, and with a long backlog that is slow.
    """

    _not_before: dict[str, float] = field(default_factory=dict)

    def sweep(self) -> Swept:
        """Do one pass."""
        expired = self._step(expire_subscriptions) + self._step(give_up_the_abandoned)
        return Swept(
            released=self._step(release_lost_leases),
            expired=expired,
            woken=self._step(wake_for_functions),
            adopted=self._step(adopt_orphans),
            called=self._step(call_lanes),
            sent=self._step(send_again),
        )

    def _step(self, step: Callable[[], int]) -> int:
        begun = time.monotonic()
        if begun < self._not_before.get(step.__name__, 0):
            return 0
        changed = step()
        took_s = time.monotonic() - begun
        is_idle = not changed and took_s > SLOW_S
        self._not_before[step.__name__] = begun + took_s / IDLE_SHARE if is_idle else 0
        return changed


_sweeper = Sweeper()


def sweep() -> Swept:
    """Do one pass, in the pace of this process."""
    return _sweeper.sweep()


def send_again() -> int:
    """Send messages for what has waited too long, or is due now; return how many.

    Nothing while the broker is away: it would count as sent, and wait ever longer.
    """
    if sender.is_away:
        return 0
    sent = 0
    for _ in range(MAX_BATCHES):
        due = Delivery.objects.waiting().filter(send_at__lte=timezone.now())
        if not due.exists():
            break
        with transaction.atomic():
            rows = list(past_others(due.order_by("send_at")).only("pk", "queue", "sends")[:BATCH])
            _note_sent(rows)
            messages = [(row.queue, str(row.pk)) for row in rows]
            transaction.on_commit(partial(send_all, messages), robust=True)
        sent += len(rows)
        if len(rows) < BATCH:
            break
    return sent


def _note_sent(rows: list[Delivery]) -> None:
    for sends in {row.sends for row in rows}:
        same = Delivery.objects.waiting().filter(
            pk__in=[row.pk for row in rows if row.sends == sends]
        )
        same.update(send_at=next_send_at(sends), sends=F("sends") + 1)


def release_lost_leases() -> int:
    """Count what ran in a process that is gone as failed: it is retried, or dead."""
    now = timezone.now()
    lives = Node.objects.filter(node_id=OuterRef("node_id"))
    lost = Delivery.objects.running().filter(Q(leased_until__lt=now) | ~Exists(lives))
    return _in_batches(lost, partial(_release, now=now))


def _release(rows: list[Delivery], now: datetime) -> int:
    released = []
    for row in rows:
        error = "The process that ran it died, or its lease ran out."
        values = {**failure(row, now), "error_code": CRASHED, "error": error, "leased_until": None}
        if leased(row).update(**values):
            released.append(row)
    call_next(released)
    return len(released)


def wake_for_functions() -> int:
    """Let deliveries go on whose function is there again."""
    waiting = Delivery.objects.waiting().filter(waits_for=WaitsFor.FUNCTION)
    woken = 0
    for namespace in _distinct(waiting, "namespace"):
        in_namespace = waiting.filter(namespace=namespace)
        for function_id in _distinct(in_namespace, "function_id"):
            if Function.objects.filter(namespace=namespace, function_id=function_id).exists():
                rows = in_namespace.filter(function_id=function_id, run_at__lte=timezone.now())
                woken += _in_batches(rows, _wake)
    return woken


def _distinct(rows: QuerySet[Delivery], field: str) -> Iterator[str]:
    """Yield the distinct values of a field by its index, without reading every row."""
    values = rows.order_by(field).values_list(field, flat=True)
    value = values.first()
    while value is not None:
        yield value
        value = values.filter(**{f"{field}__gt": value}).first()


def _wake(rows: list[Delivery]) -> int:
    asleep = Delivery.objects.waiting().filter(waits_for=WaitsFor.FUNCTION)
    ids = [row.pk for row in rows]
    return asleep.filter(pk__in=ids).update(waits_for="", send_at=timezone.now(), sends=0)


def give_up_the_abandoned() -> int:
    """Declare dead what has waited too long for its function or for a subscriber."""
    now = timezone.now()
    long_ago = now - timedelta(seconds=settings.III_UNAVAILABLE_TTL_S)
    waiting = Delivery.objects.waiting().filter(away_since__lte=long_ago)
    reasons = {
        WaitsFor.FUNCTION: (AWAY, "The function was not available for too long."),
        WaitsFor.SUBSCRIBER: (NO_SUBSCRIBER, "Nobody subscribed to the topic for too long."),
    }
    return sum(
        _in_batches(waiting.filter(waits_for=what), partial(_bury, now=now, code=code, error=error))
        for what, (code, error) in reasons.items()
    )


def _bury(rows: list[Delivery], now: datetime, code: str, error: str) -> int:
    ids = [row.pk for row in rows]
    values = {"state": State.DEAD, "finished_at": now, "error_code": code, "error": error}
    buried = Delivery.objects.waiting().filter(pk__in=ids).exclude(waits_for="").update(**values)
    call_next(rows)
    return buried


def adopt_orphans() -> int:
    """Give messages a subscriber that came while they were written, or could not take them all."""
    waiting = Delivery.objects.waiting().filter(waits_for=WaitsFor.SUBSCRIBER)
    topics = list(waiting.order_by().values_list("topic", flat=True).distinct())
    adopted = 0
    for subscription in Subscription.objects.filter(topic__in=topics).order_by("pk"):
        for _ in range(MAX_BATCHES):
            with transaction.atomic():
                number = adopt(subscription, at_most=BATCH)
            adopted += number
            if number < BATCH:
                break
    return adopted


def call_lanes() -> int:
    """Call who waits for a turn in a lane that has room, should the call have been lost."""
    waiting = Delivery.objects.waiting().filter(waits_for=WaitsFor.TURN)
    if not waiting.exists():
        return 0
    called = 0
    in_lane = waiting.filter(lane=OuterRef("name"))
    for lane in Lane.objects.filter(Exists(in_lane)).order_by("name"):
        with transaction.atomic():
            called += call_waiting(lane.name, places=_room(lane.name))
    return called


def _room(lane: str) -> int:
    waiting = Delivery.objects.waiting().filter(lane=lane, waits_for=WaitsFor.TURN)
    policies = waiting.order_by().values_list("policy", flat=True)[:1]
    limit = next((policy.get("concurrency") for policy in policies), None)
    if not limit:
        return BATCH
    return max(int(limit) - Delivery.objects.running().filter(lane=lane).count(), 0)


def expire_subscriptions() -> int:
    """End subscriptions that nobody has held for too long; begin to count for the others."""
    now = timezone.now()
    loose = unheld(Subscription.objects.filter(Q(expires_at=None) | Q(expires_at__lte=now)))
    if not loose.exists():
        return 0
    with transaction.atomic():
        # Locked first: a trigger that is being saved takes its subscription up, or is seen below.
        locked = [row.pk for row in past_others(loose.order_by("pk"))]
        loose = unheld(Subscription.objects.filter(pk__in=locked))
        keep = timedelta(seconds=settings.III_SUBSCRIPTION_TTL_S)
        loose.filter(expires_at=None).update(expires_at=now + keep)
        return end(loose.filter(expires_at__lte=now))


def _in_batches(rows: QuerySet[Delivery], change: Callable[[list[Delivery]], int]) -> int:
    """Apply a change to at most BATCH rows in a transaction, with their lanes locked.

    The lanes first, as everywhere, and no row is waited for: nobody deadlocks with a sweeper.
    """
    changed = 0
    for _ in range(MAX_BATCHES):
        batch = list(rows.order_by("pk").defer("payload", "metadata")[:BATCH])
        if not batch:
            break
        with transaction.atomic():
            lock_limited(batch)
            still = rows.filter(pk__in=[row.pk for row in batch]).order_by("pk")
            changed += change(list(past_others(still).defer("payload", "metadata")))
        if len(batch) < BATCH:
            break
    return changed
