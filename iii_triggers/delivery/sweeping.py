"""The sweeper: what lost its Celery message, its process, its function or its turn goes on.

Every step is a short transaction of conditional updates, so that any number of sweepers is
harmless. It runs in every Celery worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery, Function, Node, Subscription, Trigger

from .create import send_all
from .outcomes import failure, leased
from .resending import next_send_at
from .sending import sender
from .subscriptions import adopt, end
from .turns import call_next, call_waiting, lock_limited

BATCH = 500
MAX_BATCHES = 20

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


def sweep() -> Swept:
    """Do one pass."""
    return Swept(
        released=release_lost_leases(),
        expired=expire_subscriptions() + give_up_the_abandoned(),
        woken=wake_for_functions(),
        adopted=adopt_orphans(),
        called=call_lanes(),
        sent=send_again(),
    )


def send_again() -> int:
    """Send messages for what has waited too long, or is due now; return how many.

    Nothing while the broker is away: it would count as sent, and wait ever longer.
    """
    sent = 0
    if sender.is_away:
        return 0
    for _ in range(MAX_BATCHES):
        with transaction.atomic():
            due = Delivery.objects.waiting().filter(send_at__lte=timezone.now()).order_by("send_at")
            rows = list(_past_others(due).only("pk", "queue", "sends")[:BATCH])
            for sends in {row.sends for row in rows}:
                ids = [row.pk for row in rows if row.sends == sends]
                Delivery.objects.waiting().filter(pk__in=ids).update(
                    send_at=next_send_at(sends), sends=F("sends") + 1
                )
            messages = [(row.queue, str(row.pk)) for row in rows]
            transaction.on_commit(partial(send_all, messages), robust=True)
        sent += len(rows)
        if len(rows) < BATCH:
            break
    return sent


def release_lost_leases() -> int:
    """Count what ran in a process that is gone as failed: it is retried, or dead."""
    now = timezone.now()
    lives = Node.objects.filter(node_id=OuterRef("node_id"))
    lost = Delivery.objects.running().filter(Q(leased_until__lt=now) | ~Exists(lives))
    return _in_batches(lost, partial(_release, now=now))


def _release(rows: list[Delivery], now: datetime) -> int:
    lock_limited(rows)
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
    for namespace, function_id in (
        waiting.order_by().values_list("namespace", "function_id").distinct()
    ):
        if Function.objects.filter(namespace=namespace, function_id=function_id).exists():
            rows = waiting.filter(namespace=namespace, function_id=function_id)
            woken += rows.update(waits_for="", send_at=timezone.now(), sends=0)
    return woken


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
    lock_limited(rows)
    ids = [row.pk for row in rows]
    values = {"state": State.DEAD, "finished_at": now, "error_code": code, "error": error}
    buried = Delivery.objects.waiting().filter(pk__in=ids).exclude(waits_for="").update(**values)
    call_next(rows)
    return buried


def adopt_orphans() -> int:
    """Give messages a subscriber that came while they were written."""
    waiting = Delivery.objects.waiting().filter(waits_for=WaitsFor.SUBSCRIBER)
    if not waiting.exists():
        return 0
    topics = waiting.order_by().values_list("topic", flat=True).distinct()
    adopted = 0
    for subscription in Subscription.objects.filter(topic__in=list(topics)).order_by("pk"):
        with transaction.atomic():
            adopted += adopt(subscription)
    return adopted


def call_lanes() -> int:
    """Call who waits for a turn in a lane that has room, should the call have been lost."""
    waiting = Delivery.objects.waiting().filter(waits_for=WaitsFor.TURN)
    called = 0
    for lane in set(waiting.order_by().values_list("lane", flat=True)):
        with transaction.atomic():
            called += call_waiting(lane, places=_room(lane))
    return called


def _room(lane: str) -> int:
    first = Delivery.objects.waiting().filter(lane=lane, waits_for=WaitsFor.TURN).first()
    limit = first.policy.get("concurrency") if first is not None else None
    if not limit:
        return BATCH
    return max(int(limit) - Delivery.objects.running().filter(lane=lane).count(), 0)


def expire_subscriptions() -> int:
    """End subscriptions that nobody has held for too long; begin to count for the others."""
    now = timezone.now()
    held = Trigger.objects.filter(identity=OuterRef("identity"), enabled=True)
    loose = Subscription.objects.filter(~Exists(held), expires_at=None)
    keep = timedelta(seconds=settings.III_SUBSCRIPTION_TTL_S)
    if loose.exists():
        loose.update(expires_at=now + keep)
    expired = Subscription.objects.filter(~Exists(held), expires_at__lte=now)
    if not expired.exists():
        return 0
    with transaction.atomic():
        return end(expired)


def _in_batches(rows: QuerySet[Delivery], change: Callable[[list[Delivery]], int]) -> int:
    """Apply a change to at most BATCH rows in a transaction; without rows nothing is locked."""
    if not rows.exists():
        return 0
    changed = 0
    for _ in range(MAX_BATCHES):
        with transaction.atomic():
            batch = list(_past_others(rows.order_by("pk"))[:BATCH])
            changed += change(batch)
        if len(batch) < BATCH:
            break
    return changed


def _past_others(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Lock rows, leaving out those that another process is changing."""
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True)
    return rows
