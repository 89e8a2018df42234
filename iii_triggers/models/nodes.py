"""Nodes: the processes of ours that share the database."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Node(models.Model):
    """One process of ours; its heartbeat tells that it lives."""

    class Kind(models.TextChoices):
        """What the process is."""

        ASGI = "asgi", _("ASGI server")
        ENGINE = "engine", _("runengine")
        CELERY = "celery", _("Celery worker")
        BEAT = "beat", _("Celery beat")
        OTHER = "other", _("other process")

    node_id = models.CharField(_("id"), max_length=36, primary_key=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.OTHER)
    host = models.CharField(_("host"), max_length=255)
    pid = models.BigIntegerField(_("process id"))
    channel = models.CharField(
        _("channel"),
        max_length=255,
        blank=True,
        help_text=_("Where other nodes reach it through the channel layer."),
    )
    started_at = models.DateTimeField(_("started at"))
    heartbeat_at = models.DateTimeField(_("heartbeat"), db_index=True)
    draining_since = models.DateTimeField(
        _("draining since"),
        null=True,
        blank=True,
        help_text=_("Since when it stops: it takes no new work and finishes what it has."),
    )
    runs_dropped = models.PositiveBigIntegerField(
        _("runs not kept"),
        default=0,
        help_text=_("Because more ended than the history could write; they are counted only."),
    )

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["host", "pid"]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.pid}"
