"""The history: what ran, written behind in batches."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from .ordered_ids import new_ordered_id


class InvocationQuerySet(models.QuerySet["Invocation"]):
    """Runs, by what pages and commands ask; each has an index, in the order of the ids."""

    def failed(self) -> InvocationQuerySet:
        """Runs that ended with an error."""
        return self.with_status(Invocation.Status.FAILED)

    def running(self) -> InvocationQuerySet:
        """Runs that have not ended, as far as the database knows."""
        return self.with_status(Invocation.Status.RUNNING)

    def of_delivery(self, delivery_id: uuid.UUID) -> InvocationQuerySet:
        """The attempts of a delivery, first to last."""
        return self.filter(delivery_id=delivery_id).order_by("attempt", "id")

    def called(self, invocation_id: str) -> InvocationQuerySet:
        """Runs for which the caller chose this id."""
        return self.exclude(invocation_id="").filter(invocation_id=invocation_id)

    def with_status(self, status: str) -> InvocationQuerySet:
        """Runs that stand like that; only of those that succeeded there is no index."""
        if status == Invocation.Status.SUCCEEDED:
            return self.filter(status=status)
        # SQLite uses an index of some rows only when the query repeats its condition.
        is_indexed = RawSQL("status IN ('running', 'failed')", (), BooleanField())
        return self.filter(is_indexed, status=status)


class Invocation(models.Model):
    """One run of a function.

    The row is written when the run has ended, or while it takes longer than a second. Its id sorts
    by the time the run started and is the ``error_id`` of an HTTP answer.
    """

    class Status(models.TextChoices):
        """How a run stands."""

        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")

    id = models.UUIDField(_("id"), primary_key=True, default=new_ordered_id, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    function_id = models.CharField(_("function"), max_length=255)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    trigger_type = models.CharField(
        _("trigger type"), max_length=255, blank=True, help_text=_("Empty for a direct call.")
    )
    trigger_id = models.CharField(_("trigger"), max_length=255, blank=True)
    worker_id = models.CharField(_("worker id"), max_length=36, blank=True)
    worker_name = models.CharField(_("worker"), max_length=280, blank=True)
    node_id = models.CharField(_("node"), max_length=36, blank=True)
    caller = models.CharField(
        _("called by"), max_length=280, blank=True, help_text=_("The worker that made the call.")
    )
    delivery_id = models.UUIDField(_("delivery"), null=True, blank=True)
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    replay_of = models.UUIDField(_("replay of"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.FloatField(_("duration in ms"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=255, blank=True)
    error = models.TextField(_("error"), blank=True)
    traceparent = models.CharField(_("trace context"), max_length=255, blank=True)
    invocation_id = models.CharField(
        _("id of the caller"),
        max_length=255,
        blank=True,
        help_text=_("The id that the calling worker chose, if it chose one."),
    )

    objects = InvocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-id"]
        permissions = [("replay_invocation", _("Can replay runs"))]
        indexes = [
            models.Index(fields=["function_id", "id"], name="iii_run_function"),
            models.Index(fields=["trigger_type", "id"], name="iii_run_type"),
            models.Index(fields=["trigger_id", "id"], name="iii_run_trigger"),
            models.Index(fields=["worker_id", "id"], name="iii_run_worker"),
            models.Index(
                fields=["status", "id"],
                condition=Q(status__in=["running", "failed"]),
                name="iii_run_status",
            ),
            models.Index(
                fields=["delivery_id", "attempt"],
                condition=Q(delivery_id__isnull=False),
                name="iii_run_delivery",
            ),
            models.Index(
                fields=["replay_of"], condition=Q(replay_of__isnull=False), name="iii_run_replay"
            ),
            models.Index(
                fields=["invocation_id"], condition=~Q(invocation_id=""), name="iii_run_chosen_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.function_id} {self.id}"

    @property
    def payload(self) -> InvocationPayload | None:
        """Input and output, if they were kept; one query."""
        return InvocationPayload.objects.filter(pk=self.pk).first()


class InvocationPayload(models.Model):
    """What a run was given and what it returned: a table of its own keeps lists of runs small."""

    # No foreign key: nothing is to be checked or locked when a batch is written.
    run_id = models.UUIDField(_("run"), primary_key=True)
    input = models.TextField(_("input"), blank=True, help_text=_("JSON; empty if none was kept."))
    output = models.TextField(_("output"), blank=True, help_text=_("JSON; empty without result."))
    input_cut = models.BooleanField(_("input was cut"), default=False)
    output_cut = models.BooleanField(_("output was cut"), default=False)
    redacted = models.BooleanField(_("was redacted"), default=False)
    stacktrace = models.TextField(_("stack trace"), blank=True)

    class Meta:
        verbose_name = _("payload of a run")
        verbose_name_plural = _("payloads of runs")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.run_id)
