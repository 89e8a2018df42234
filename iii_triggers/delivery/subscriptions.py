"""Subscriptions: who gets the messages of a topic, also while its worker is away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.engine.payload import NOTHING, Payload
from iii_triggers.models import Delivery, Subscription, Topic, Trigger

from .policy import Policy
from .topics import ordering_key, write_topics
from .turns import past_others

BATCH = 500

State = Delivery.State
SUBSCRIBER = Delivery.WaitsFor.SUBSCRIBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a queue trigger asks for."""

    identity: str
    """The same for every trigger of the same topic, function and namespace."""
    topic: str
    function_id: str
    namespace: str
    trigger_id: str
    metadata: Any = None
    policy: Policy = field(default_factory=Policy)


@transaction.atomic
def subscribe(wish: Wish) -> Subscription:
    """Subscribe, in the caller's transaction or one of its own; the newest trigger's policy counts.

    A first subscriber gets what was published before there was one; of a big backlog the sweeper
    hands over the rest.
    """
    write_topics(Topic.Kind.TOPIC, {wish.topic})
    values = {
        "topic": wish.topic,
        "function_id": wish.function_id,
        "namespace": wish.namespace,
        "trigger_id": wish.trigger_id,
        "metadata": wish.metadata,
        "policy": wish.policy.as_json(),
        "expires_at": None,
    }
    row, _ = Subscription.objects.update_or_create(identity=wish.identity, defaults=values)
    # Where order counts, nothing published from now on may come before what waits.
    adopt(row, at_most=None if wish.policy.is_ordered else BATCH)
    return row


def let_go(identity: str, *, by_disconnect: bool) -> None:
    """End a subscription that no trigger holds any more.

    One whose worker went away without a word goes on collecting for ``III_SUBSCRIPTION_TTL_S``.
    """
    if not identity:
        return
    with transaction.atomic():
        # Locked first: a trigger that is being saved takes the subscription up, or is seen here.
        rows = list(Subscription.objects.select_for_update().filter(identity=identity))
        if Trigger.objects.filter(identity=identity, enabled=True).exists():
            return
        if by_disconnect:
            keep = timedelta(seconds=settings.III_SUBSCRIPTION_TTL_S)
            Subscription.objects.filter(identity=identity).update(expires_at=timezone.now() + keep)
        else:
            end(rows)


def end(subscriptions: Iterable[Subscription]) -> int:
    """Remove subscriptions; what waits in them waits for the same function to subscribe again."""
    rows = list(subscriptions)
    for row in rows:
        waiting = Delivery.objects.waiting().filter(lane=row.lane)
        waiting.update(waits_for=SUBSCRIBER, send_at=None, away_since=timezone.now())
    Subscription.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def unheld(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Return those that no trigger holds: their workers are away."""
    held = Trigger.objects.filter(identity=OuterRef("identity"), enabled=True)
    return subscriptions.filter(~Exists(held))


def adopt(subscription: Subscription, *, at_most: int | None = None) -> int:
    """Give a subscription the messages of its topic that wait for a subscriber, oldest first.

    Return how many it got. In the caller's transaction; what another process is changing is left
    to the sweeper.
    """
    adopted = 0
    while at_most is None or adopted < at_most:
        rows = list(_orphans(subscription)[:BATCH])
        adopted += _adopt(rows, subscription)
        if len(rows) < BATCH:
            break
    return adopted


def _orphans(subscription: Subscription) -> QuerySet[Delivery]:
    """Lock what waits for this function to subscribe, or for anybody."""
    fits = Q(function_id="") | Q(
        function_id=subscription.function_id, namespace=subscription.namespace
    )
    waiting = Delivery.objects.waiting().filter(waits_for=SUBSCRIBER, topic=subscription.topic)
    rows = past_others(waiting.filter(fits).order_by("pk"))
    is_read = Policy.of(subscription.policy).order_by is not None
    return rows.defer("metadata") if is_read else rows.defer("metadata", "payload")


def _adopt(rows: Iterable[Delivery], subscription: Subscription) -> int:
    policy, values = Policy.of(subscription.policy), _handed_over(subscription)
    by_key: dict[str, list[Delivery]] = {}
    for row in rows:
        by_key.setdefault(_key(policy, row), []).append(row)
    return sum(_hand_over(same, {**values, "ordering_key": k}) for k, same in by_key.items())


def _key(policy: Policy, row: Delivery) -> str:
    data = NOTHING if policy.order_by is None else Payload.of_json(row.payload.encode())
    return ordering_key(policy, data, row.ordering_key)


def _handed_over(subscription: Subscription) -> dict[str, Any]:
    return {
        "waits_for": "",
        "away_since": None,
        "function_id": subscription.function_id,
        "namespace": subscription.namespace,
        "trigger_id": subscription.trigger_id,
        "metadata": subscription.metadata,
        "lane": subscription.lane,
        "policy": subscription.policy,
        "max_attempts": Policy.of(subscription.policy).attempts,
        "send_at": Greatest("run_at", Now()),
        "sends": 0,
    }


def _hand_over(rows: list[Delivery], values: dict[str, Any]) -> int:
    waiting = Delivery.objects.filter(pk__in=[row.pk for row in rows], waits_for=SUBSCRIBER)
    try:
        with transaction.atomic():
            return waiting.update(**values)
    except IntegrityError:
        if len(rows) > 1:
            return sum(_hand_over([row], values) for row in rows)
    # The function has a message with this idempotency key already.
    waiting.update(state=State.CANCELLED, error="A duplicate.", finished_at=timezone.now())
    return 0
