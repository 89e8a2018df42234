"""Workers that are connected now."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """One live connection of a worker; the row goes when the connection does."""

    worker_id = models.CharField(_("id"), max_length=36, primary_key=True)
    node = models.ForeignKey(
        "iii_triggers.Node",
        verbose_name=_("node"),
        on_delete=models.CASCADE,
        related_name="workers",
    )
    name = models.CharField(_("name"), max_length=280, blank=True)
    description = models.CharField(_("description"), max_length=280, blank=True)
    runtime = models.CharField(_("runtime"), max_length=100, blank=True)
    version = models.CharField(_("SDK version"), max_length=100, blank=True)
    os = models.CharField(_("operating system"), max_length=280, blank=True)
    pid = models.BigIntegerField(_("process id"), null=True, blank=True)
    ip = models.CharField(_("address"), max_length=100, blank=True)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    connected_at = models.DateTimeField(_("connected at"))
    last_seen = models.DateTimeField(_("last seen"))
    draining_since = models.DateTimeField(
        _("draining since"),
        null=True,
        blank=True,
        help_text=_("Since when it gets no new calls; it is disconnected when it has none."),
    )
    isolation = models.CharField(_("isolation"), max_length=100, blank=True)
    telemetry = models.JSONField(
        _("telemetry"), null=True, blank=True, help_text=_("Language, project and framework.")
    )
    in_flight = models.PositiveIntegerField(
        _("in flight"), default=0, help_text=_("Invocations it was running when last looked at.")
    )
    metrics = models.JSONField(_("metrics"), null=True, blank=True)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ["name", "connected_at"]
        permissions = [("manage_worker", _("Can disconnect workers"))]

    def __str__(self) -> str:
        return self.name or self.worker_id
