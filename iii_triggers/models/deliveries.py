"""The delivery ledger: durable, asynchronous invocations, and what they wait behind."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .ordered_ids import new_ordered_id

UNFINISHED = ("queued", "leased", "retry", "held")
"""States from which a delivery can still run."""
WAITING = ("queued", "retry")
"""States from which a delivery can be claimed."""


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries, by what the ledger asks."""

    def waiting(self) -> DeliveryQuerySet:
        """Deliveries that are to run, now or later."""
        return self.filter(state__in=WAITING)

    def unfinished(self) -> DeliveryQuerySet:
        """Deliveries that have no outcome yet."""
        return self.filter(state__in=UNFINISHED)

    def running(self) -> DeliveryQuerySet:
        """Deliveries that a process has leased."""
        return self.filter(state=Delivery.State.LEASED)

    def dead(self) -> DeliveryQuerySet:
        """Deliveries that were given up."""
        return self.filter(state=Delivery.State.DEAD)


class Delivery(models.Model):
    """One durable invocation: a row that is retried until it succeeds or is dead.

    Every change of state is a conditional update in ``iii_triggers.delivery``.
    """

    class State(models.TextChoices):
        """Where a delivery stands (design, section 6)."""

        QUEUED = "queued", _("waiting")
        LEASED = "leased", _("running")
        RETRY = "retry", _("to be retried")
        HELD = "held", _("held")
        SUCCEEDED = "succeeded", _("succeeded")
        DEAD = "dead", _("dead")
        CANCELLED = "cancelled", _("cancelled")
        SKIPPED = "skipped", _("skipped")

    class WaitsFor(models.TextChoices):
        """What a waiting delivery needs besides its time."""

        NOTHING = "", _("nothing")
        FUNCTION = "function", _("its function")
        SUBSCRIBER = "subscriber", _("a subscriber")
        TURN = "turn", _("its turn")

    id = models.UUIDField(_("id"), primary_key=True, default=new_ordered_id, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    waits_for = models.CharField(
        _("waits for"), max_length=10, choices=WaitsFor.choices, blank=True, default=""
    )
    trigger_type = models.CharField(_("trigger type"), max_length=255, blank=True)
    trigger_id = models.CharField(_("trigger"), max_length=255, blank=True)
    topic = models.CharField(
        _("topic"), max_length=255, blank=True, help_text=_("Topic or named queue.")
    )
    function_id = models.CharField(_("function"), max_length=255, blank=True)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    payload = models.TextField(_("payload"), help_text=_("JSON, as it was published."))
    metadata = models.JSONField(_("metadata"), null=True, blank=True)
    traceparent = models.CharField(_("trace context"), max_length=255, blank=True)
    queue = models.CharField(_("Celery queue"), max_length=255)
    lane = models.CharField(
        _("lane"), max_length=255, help_text=_("Limits, order and idempotency hold within a lane.")
    )
    ordering_key = models.CharField(
        _("ordering key"),
        max_length=255,
        blank=True,
        help_text=_("Deliveries of a lane with the same key run one by one, in order."),
    )
    policy = models.JSONField(_("policy"), default=dict, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveIntegerField(_("attempts at most"), default=3)
    idempotency_key = models.CharField(_("idempotency key"), max_length=255, blank=True)
    scheduled_for = models.DateTimeField(_("scheduled for"), null=True, blank=True)
    run_at = models.DateTimeField(_("not before"), default=timezone.now)
    send_at = models.DateTimeField(
        _("sent again at"), null=True, blank=True, help_text=_("When the sweeper looks at it.")
    )
    sends = models.PositiveIntegerField(_("sent again"), default=0)
    lease_token = models.UUIDField(_("lease"), null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    node_id = models.CharField(_("node"), max_length=36, blank=True)
    away_since = models.DateTimeField(_("function away since"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=255, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("accepted at"), default=timezone.now)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        permissions = [
            ("redrive_delivery", _("Can redrive and discard dead deliveries")),
            ("hold_delivery", _("Can hold, release and cancel deliveries")),
            ("view_payload", _("Can view payloads of deliveries and runs")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["lane", "idempotency_key"],
                condition=~Q(idempotency_key="") & ~Q(state__in=["dead", "cancelled"]),
                name="iii_delivery_unique_key",
            ),
            models.UniqueConstraint(
                fields=["lane", "scheduled_for"],
                condition=Q(scheduled_for__isnull=False),
                name="iii_delivery_unique_slot",
            ),
        ]
        indexes = [
            models.Index(
                fields=["send_at"],
                condition=Q(state__in=WAITING, send_at__isnull=False),
                name="iii_delivery_due",
            ),
            models.Index(
                fields=["waits_for", "namespace", "function_id"],
                condition=Q(state__in=WAITING) & ~Q(waits_for=""),
                name="iii_delivery_blocked",
            ),
            models.Index(
                fields=["lane", "ordering_key", "id"],
                condition=Q(state__in=UNFINISHED),
                name="iii_delivery_lane",
            ),
            models.Index(
                fields=["node_id"], condition=Q(state="leased"), name="iii_delivery_leased"
            ),
            models.Index(fields=["topic", "state"], name="iii_delivery_topic"),
            models.Index(fields=["state", "-id"], name="iii_delivery_state"),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="iii_delivery_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.function_id or self.topic} {self.id}"


class Lane(models.Model):
    """A lock: who counts what runs in a lane holds its row until the claim is committed."""

    name = models.CharField(_("name"), max_length=255, primary_key=True)

    class Meta:
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")

    def __str__(self) -> str:
        return self.name


class Topic(models.Model):
    """A topic that was published or subscribed to, or a named queue that was used."""

    class Kind(models.TextChoices):
        """What publishing to it means."""

        TOPIC = "topic", _("topic")
        QUEUE = "queue", _("named queue")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.TOPIC)
    name = models.CharField(_("name"), max_length=255)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name", "kind"]
        permissions = [("publish_topic", _("Can publish to topics"))]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="iii_topic_unique_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """A function that gets every message of a topic, however many triggers say so.

    It outlives the connection of the worker that made it (design, section 6).
    """

    identity = models.CharField(_("identity"), max_length=64, unique=True)
    topic = models.CharField(_("topic"), max_length=255, db_index=True)
    function_id = models.CharField(_("function"), max_length=255)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    trigger_id = models.CharField(_("trigger"), max_length=255)
    metadata = models.JSONField(_("metadata"), null=True, blank=True)
    policy = models.JSONField(_("policy"), default=dict, blank=True)
    expires_at = models.DateTimeField(
        _("kept until"), null=True, blank=True, help_text=_("Set while no trigger holds it.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["topic", "function_id"]

    def __str__(self) -> str:
        return f"{self.topic} → {self.function_id}"

    @property
    def lane(self) -> str:
        """The lane of its deliveries."""
        return f"queue:{self.identity}"
