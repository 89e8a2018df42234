"""Firing: the due slots of cron triggers become deliveries.

Any number of processes may do this at the same time. A row is moved on to its next slot by a
conditional UPDATE, in the transaction that writes its deliveries, and a slot has one delivery in
its lane, so that identical triggers fire it once.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from iii_triggers.delivery.create import NewDelivery, create_deliveries
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Trigger

from .config import CronConfig, parse_config
from .rows import TYPE_ID, config_of, firing_input, identity_for, lane_of
from .slots import DueSlot, due_slots

logger = logging.getLogger(__name__)

BATCH = 500
MAX_BATCHES = 20


class LostRace(Exception):
    """Another process moved a row on after it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A trigger that is due: where its row moves, and what is written down for it."""

    row: Trigger
    next_fire_at: datetime | None
    deliveries: list[NewDelivery]


def next_due() -> datetime | None:
    """Return when the next slot of any trigger is, or was; None if there is none."""
    noted = _scheduled().order_by("next_fire_at").values_list("next_fire_at", flat=True)
    return noted.first()


def fire_due(now: datetime) -> int:
    """Fire what is due, oldest first, and return how many slots fired.

    Raises OperationalError or InterfaceError when the database is away; what was not committed
    is still due.
    """
    fired = 0
    for _ in range(MAX_BATCHES):
        noted = next_due()
        if noted is None or noted > now:
            break
        rows, fired_now = _fire_batch(now)
        fired += fired_now
        if rows < BATCH:
            break
    return fired


def fire_now(row: Trigger) -> uuid.UUID:
    """Fire a trigger beside its schedule, also one that is disabled; return the delivery's id.

    One that may not overlap runs when earlier firings have ended. Raise InvalidConfig.
    """
    config, now = parse_config(row.config), timezone.now()
    new = _delivery(row, config, DueSlot(at=now), now=now, scheduled_for=None)
    # Outside the schedule nothing can have taken its place.
    return next(filter(None, create_deliveries([new])))


def _scheduled() -> QuerySet[Trigger]:
    rows = Trigger.objects.enabled().filter(trigger_type=TYPE_ID)
    return rows.filter(next_fire_at__isnull=False)


def _fire_batch(now: datetime) -> tuple[int, int]:
    """Fire the oldest rows in one transaction; return how many they were and how many slots.

    If that fails, one by one, so that a row which cannot be fired does not stop the others.
    """
    due = _scheduled().filter(next_fire_at__lte=now).order_by("next_fire_at", "pk")
    try:
        return _fire_rows(due, now)
    except (InterfaceError, OperationalError):
        raise
    except Exception:  # noqa: BLE001 - find the row that cannot be fired
        ids = list(due.values_list("pk", flat=True)[:BATCH])
        return len(ids), sum(_fire_alone(due, pk, now) for pk in ids)


def _fire_alone(due: QuerySet[Trigger], pk: int, now: datetime) -> int:
    try:
        return _fire_rows(due.filter(pk=pk), now)[1]
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("Cron trigger %s cannot be fired; it is tried again.", pk)
        return 0


def _fire_rows(due: QuerySet[Trigger], now: datetime) -> tuple[int, int]:
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due[:BATCH])
        running = _running(rows)
        turns = [_turn(row, now, running) for row in rows]
        _move_on(turns)
        new = [one for turn in turns for one in turn.deliveries]
        ids = create_deliveries(new)
    fired = (one for one, delivery_id in zip(new, ids, strict=True) if delivery_id is not None)
    return len(rows), sum(not one.skipped for one in fired)


def _turn(row: Trigger, now: datetime, running: dict[str, str]) -> Turn:
    config = config_of(row)
    if config is None or row.next_fire_at is None:
        extra = {"trigger_id": row.trigger_id, "trigger_type": row.trigger_type}
        text = "Cron trigger %s has an invalid config now and is not fired."
        logger.warning(text, row.pk, extra=extra)
        return Turn(row=row, next_fire_at=None, deliveries=[])
    slots = due_slots(config, noted=row.next_fire_at, now=now)
    if config.overlap == "skip":
        reason = running.get(lane_of(row.identity), "")
        slots = [DueSlot(at=slot.at, skipped=slot.skipped or reason) for slot in slots]
    return Turn(
        row=row,
        next_fire_at=config.schedule.next_after(now),
        deliveries=[_delivery(row, config, slot, now=now, scheduled_for=slot.at) for slot in slots],
    )


def _running(rows: Sequence[Trigger]) -> dict[str, str]:
    """Return why lanes with a firing that has no outcome yet fire no other."""
    lanes = {lane_of(row.identity) for row in rows}
    unfinished = Delivery.objects.unfinished().filter(lane__in=lanes).order_by("-pk")
    return {
        lane: f"The firing of {slot} still runs." if slot else "A firing by hand still runs."
        for lane, slot in unfinished.values_list("lane", "scheduled_for")
    }


def _move_on(turns: Iterable[Turn]) -> None:
    """Move the rows on to their next slots, in one UPDATE for those that go the same way."""
    moves: dict[tuple[datetime | None, datetime | None], list[int]] = defaultdict(list)
    for turn in turns:
        moves[turn.row.next_fire_at, turn.next_fire_at].append(turn.row.pk)
    for (noted, following), ids in moves.items():
        rows = Trigger.objects.filter(pk__in=ids, next_fire_at=noted)
        if rows.update(next_fire_at=following) != len(ids):
            raise LostRace


def _delivery(
    row: Trigger,
    config: CronConfig,
    slot: DueSlot,
    *,
    now: datetime,
    scheduled_for: datetime | None,
) -> NewDelivery:
    return NewDelivery(
        function_id=row.function_id,
        namespace=row.namespace,
        payload=Payload.of(firing_input(row, slot=slot.at, now=now)).json(),
        lane=lane_of(row.identity or identity_for(row, config)),
        trigger_type=TYPE_ID,
        trigger_id=row.trigger_id,
        metadata=row.metadata,
        policy=config.policy,
        ordering_key=config.ordering_key,
        scheduled_for=scheduled_for,
        skipped=slot.skipped,
    )
