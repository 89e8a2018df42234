"""Turns: when a delivery of a limited lane ends, the next one of the lane gets a message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from iii_triggers.models import Delivery
from iii_triggers.models.deliveries import WAITING, DeliveryQuerySet

from .claims import is_limited, lock_lanes
from .create import send_all
from .resending import next_send_at

MAX_KEYS = 20
"""How many keys of a lane are looked at when one of its deliveries ends."""

TURN = Delivery.WaitsFor.TURN

AnyModel = TypeVar("AnyModel", bound=Model)


def lock_limited(rows: Iterable[Delivery]) -> None:
    """Lock the lanes of limited deliveries, before their outcomes are written.

    A claim that finds no room in a lane holds this lock until it has noted that: whoever ends
    after it sees who waits.
    """
    lanes = {row.lane for row in rows if is_limited(row)}
    if lanes:
        lock_lanes(lanes)


def call_next(rows: Iterable[Delivery]) -> None:
    """Call who waits for the places that these deliveries leave; in their transaction."""
    limited: dict[str, list[Delivery]] = {}
    keys: set[tuple[str, str]] = set()
    for row in rows:
        if row.policy.get("concurrency"):
            limited.setdefault(row.lane, []).append(row)
        elif row.ordering_key:
            keys.add((row.lane, row.ordering_key))
    for lane, ended in limited.items():
        last = ended[-1].ordering_key
        call_waiting(lane, places=len(ended), after=last, keys=MAX_KEYS)
    _call([head for lane, key in sorted(keys) for head in _head(lane, key)])


def call_waiting(lane: str, *, places: int, after: str = "", keys: int | None = None) -> int:
    """Send messages for the deliveries of a lane that are next, oldest first; return how many.

    At most so many ``keys`` are looked at, beginning ``after`` one, so that none waits for ever. A
    delivery that finds no place after all waits again.
    """
    of_no_key = _waiting().filter(lane=lane, ordering_key="", run_at__lte=timezone.now())
    heads = filter(_is_called, islice(_heads(lane, after), keys))
    rows = [*of_no_key.order_by("pk").only("pk")[:places], *heads]
    return _call(sorted(rows, key=lambda row: row.pk)[:places])


def _waiting() -> DeliveryQuerySet:
    return Delivery.objects.waiting().filter(waits_for=TURN)


def _head(lane: str, key: str) -> list[Delivery]:
    """Return the oldest unfinished delivery of a key, if it waits for its turn."""
    same = Delivery.objects.unfinished().filter(lane=lane, ordering_key=key)
    return [row for row in _briefly(same).order_by("pk")[:1] if _is_called(row)]


def _heads(lane: str, after: str) -> Iterator[Delivery]:
    """Yield the oldest unfinished delivery of each key, from the key after this one, all round.

    One look into an index each: a lane may hold any number of deliveries.
    """
    rows = _briefly(Delivery.objects.unfinished().filter(lane=lane))
    rows = rows.order_by("ordering_key", "pk")
    key, last = after, None
    while True:
        found = rows.filter(ordering_key__gt=key)
        head = (found if last is None else found.filter(ordering_key__lte=last)).first()
        if head is not None:
            yield head
            key = head.ordering_key
        elif last is None and after:
            key, last = "", after
        else:
            return


def _briefly(rows: DeliveryQuerySet) -> QuerySet[Delivery]:
    return rows.only("pk", "state", "waits_for", "run_at", "ordering_key")


def _is_called(row: Delivery) -> bool:
    waits = row.state in WAITING and row.waits_for == TURN
    return waits and row.run_at <= timezone.now()


def _call(rows: Sequence[Delivery]) -> int:
    """Send messages for deliveries that wait for their turn.

    Not for one that is being claimed: the claim waits for the lane, and sees the place itself.
    """
    if not rows:
        return 0
    waiting = _waiting().filter(pk__in=[row.pk for row in rows]).order_by("pk")
    due = [(row.queue, str(row.pk)) for row in past_others(waiting).only("pk", "queue")]
    _waiting().filter(pk__in=[pk for _, pk in due]).update(waits_for="", send_at=next_send_at())
    transaction.on_commit(partial(send_all, due), robust=True)
    return len(due)


def past_others(rows: QuerySet[AnyModel]) -> QuerySet[AnyModel]:
    """Lock rows for the transaction, leaving out those that another process is changing."""
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows
