"""Outcomes: accepted only from the lease that is current, whatever else happened meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.engine.durability import do_not_wait_for_disk
from iii_triggers.engine.history.redaction import redact_message
from iii_triggers.engine.history.rows import MAX_ERROR, ROOM_FOR_SECRETS
from iii_triggers.models import Delivery
from iii_triggers.models.deliveries import DeliveryQuerySet
from iii_triggers.protocol.text import storable

from .policy import Policy
from .turns import call_next, lock_limited

Kind = Literal["succeeded", "failed", "skipped", "away", "undone"]

MAX_CODE = 255
MAX_PAUSE_S = 60.0
"""Longest pause before a function is tried again that was there, and then was not."""

SUCCEEDED = Delivery.State.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attempt."""

    delivery: Delivery
    """As it was claimed: its lease must still be the current one."""
    kind: Kind
    """``away``: the function is not there; ``undone``: this process stops. Neither counts."""
    code: str = ""
    message: str = ""


def store(outcomes: Sequence[Outcome]) -> list[bool]:
    """Write outcomes; tell for each whether it was accepted."""
    now = timezone.now()
    with transaction.atomic():
        do_not_wait_for_disk()
        lock_limited(outcome.delivery for outcome in outcomes)
        accepted = _succeed([o for o in outcomes if o.kind == "succeeded"], now)
        for outcome in outcomes:
            if outcome.kind != "succeeded" and _write(outcome, now):
                accepted.add(outcome.delivery.pk)
        call_next(o.delivery for o in outcomes if o.delivery.pk in accepted)
    return [outcome.delivery.pk in accepted for outcome in outcomes]


def _succeed(outcomes: Iterable[Outcome], now: datetime) -> set[Any]:
    """Write successes: one statement for each lease, which many of a batch share."""
    by_token: dict[Any, list[Any]] = defaultdict(list)
    for outcome in outcomes:
        by_token[outcome.delivery.lease_token].append(outcome.delivery.pk)
    accepted: set[Any] = set()
    for token, ids in by_token.items():
        leased = Delivery.objects.running().filter(pk__in=ids, lease_token=token)
        values = {"error": "", "error_code": "", "away_since": None, "finished_at": now}
        if leased.update(state=SUCCEEDED, leased_until=None, **values) == len(ids):
            accepted.update(ids)
        else:
            # Also those of a commit whose answer was lost, when the batch is written again.
            done = Delivery.objects.filter(pk__in=ids, lease_token=token, state=SUCCEEDED)
            accepted.update(done.values_list("pk", flat=True))
    return accepted


def _write(outcome: Outcome, now: datetime) -> bool:
    row = outcome.delivery
    values = _values(outcome, now)
    # As in the history: whoever may see deliveries may see this, whatever is in their payloads.
    error = storable(redact_message(outcome.message[: MAX_ERROR + ROOM_FOR_SECRETS]))[:MAX_ERROR]
    code = storable(outcome.code)[:MAX_CODE]
    values |= {"error_code": code, "error": error, "leased_until": None}
    return bool(leased(row).update(**values))


def leased(row: Delivery) -> DeliveryQuerySet:
    """Return the row, if the lease it was claimed with is still the current one."""
    return Delivery.objects.running().filter(pk=row.pk, lease_token=row.lease_token)


def _values(outcome: Outcome, now: datetime) -> dict[str, Any]:
    row = outcome.delivery
    if outcome.kind == "skipped":
        return {"state": Delivery.State.SKIPPED, "finished_at": now}
    if outcome.kind == "away":
        return _away(row, now)
    if outcome.kind == "undone":
        again = {"state": Delivery.State.QUEUED, "attempts": row.attempts - 1}
        return {**again, "send_at": now, "lease_token": None}
    return failure(row, now)


def failure(row: Delivery, now: datetime) -> dict[str, Any]:
    """Return what a failed attempt makes of a row: a retry later, or its death."""
    if row.attempts >= row.max_attempts:
        return {"state": Delivery.State.DEAD, "finished_at": now, "lease_token": None}
    run_at = now + timedelta(seconds=Policy.of(row.policy).pause_s(row.attempts))
    retry = {"state": Delivery.State.RETRY, "run_at": run_at, "send_at": run_at, "sends": 0}
    return {**retry, "lease_token": None, "away_since": None}


def _away(row: Delivery, now: datetime) -> dict[str, Any]:
    """The attempt does not count; after a day of absence the delivery is dead.

    The first time it is woken as soon as the function is said to be there. When it is not there
    after all, this may go on for long: then ever later.
    """
    since = row.away_since or now
    if now - since >= timedelta(seconds=settings.III_UNAVAILABLE_TTL_S):
        return {"state": Delivery.State.DEAD, "finished_at": now, "lease_token": None}
    return {
        "run_at": now + min(now - since, timedelta(seconds=MAX_PAUSE_S)),
        "state": Delivery.State.QUEUED,
        "waits_for": Delivery.WaitsFor.FUNCTION,
        "attempts": row.attempts - 1,
        "away_since": since,
        "send_at": None,
        "lease_token": None,
    }
