"""Numbers of runs by time: what is plotted and counted without reading the history."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TypeStat(models.Model):
    """How many runs of a trigger type ended in a minute, by outcome and by how long they took.

    Bucket ``n`` holds durations from ``engine.history.buckets.lower_ms(n)`` on.
    """

    minute = models.DateTimeField(_("minute"))
    trigger_type = models.CharField(
        _("trigger type"), max_length=255, blank=True, help_text=_("Empty for direct calls.")
    )
    failed = models.BooleanField(_("failed"))
    bucket = models.PositiveSmallIntegerField(_("duration"))
    count = models.BigIntegerField(_("runs"))

    class Meta:
        verbose_name = _("runs of a trigger type in a minute")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["minute", "trigger_type", "failed", "bucket"], name="iii_type_stat_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_type} {self.minute}"


class TriggerStat(models.Model):
    """How many runs of a trigger ended in an hour."""

    hour = models.DateTimeField(_("hour"), db_index=True)
    namespace = models.CharField(_("namespace"), max_length=255)
    trigger_id = models.CharField(_("trigger"), max_length=255)
    succeeded = models.BigIntegerField(_("succeeded"))
    failed = models.BigIntegerField(_("failed"))

    class Meta:
        verbose_name = _("runs of a trigger in an hour")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "trigger_id", "hour"], name="iii_trigger_stat_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.hour}"
