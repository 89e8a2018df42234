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
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Subscription, Topic, Trigger

from .policy import Policy
from .topics import know_topics, ordering_key

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


def subscribe(wish: Wish) -> Subscription:
    """Subscribe, in the caller's transaction; the newest trigger's policy counts.

    A first subscriber gets what was published before there was one.
    """
    know_topics(Topic.Kind.TOPIC, {wish.topic})
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
    adopt(row)
    return row


def let_go(identity: str, *, by_disconnect: bool) -> None:
    """End a subscription that no trigger holds any more.

    One whose worker went away without a word goes on collecting for ``III_SUBSCRIPTION_TTL_S``.
    """
    if not identity or Trigger.objects.filter(identity=identity, enabled=True).exists():
        return
    rows = Subscription.objects.filter(identity=identity)
    if by_disconnect:
        keep = timedelta(seconds=settings.III_SUBSCRIPTION_TTL_S)
        rows.update(expires_at=timezone.now() + keep)
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


def adopt(subscription: Subscription) -> int:
    """Give a subscription the messages of its topic that wait for a subscriber."""
    fits = Q(function_id="") | Q(
        function_id=subscription.function_id, namespace=subscription.namespace
    )
    waiting = Delivery.objects.waiting().filter(waits_for=SUBSCRIBER, topic=subscription.topic)
    waiting = waiting.filter(fits)
    values = _handed_over(subscription)
    adopted = 0
    if not Policy.of(subscription.policy).is_ordered:
        adopted = waiting.filter(idempotency_key="").update(**values, ordering_key="")
    for row in list(waiting.order_by("pk")):
        adopted += _hand_over(row, subscription, values)
    return adopted


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


def _hand_over(row: Delivery, subscription: Subscription, values: dict[str, Any]) -> int:
    data = Payload.of_json(row.payload.encode())
    key = ordering_key(Policy.of(subscription.policy), data, row.ordering_key)
    waiting = Delivery.objects.waiting().filter(pk=row.pk, waits_for=SUBSCRIBER)
    try:
        with transaction.atomic():
            return waiting.update(**values, ordering_key=key)
    except IntegrityError:
        # The function has a message with this idempotency key already.
        waiting.update(state=State.CANCELLED, error="A duplicate.", finished_at=timezone.now())
        return 0
