"""Trigger types: kinds of event source."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TriggerTypeQuerySet(models.QuerySet["TriggerType"]):
    """Trigger types, by what the engine asks."""

    def of_the_site(self) -> TriggerTypeQuerySet:
        """Types that the site made and fires itself."""
        return self.filter(source__in=[TriggerType.Source.ADMIN, TriggerType.Source.CODE])


class TriggerType(models.Model):
    """A kind of event source.

    A row outlives its provider: it is what the admin offers when a trigger is added, and it tells
    whether somebody provides the type right now.
    """

    class Source(models.TextChoices):
        """Who made the row."""

        BUILTIN = "builtin", _("built in")
        ADMIN = "admin", _("admin")
        CODE = "code", _("code")
        WORKER = "worker", _("worker")

    type_id = models.CharField(_("id"), max_length=255)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    description = models.TextField(_("description"), blank=True)
    config_schema = models.JSONField(
        _("config schema"),
        null=True,
        blank=True,
        help_text=_("JSON Schema that the config of every trigger of this type must match."),
    )
    call_schema = models.JSONField(
        _("call schema"),
        null=True,
        blank=True,
        help_text=_("JSON Schema of what functions receive."),
    )
    source = models.CharField(
        _("source"), max_length=10, choices=Source.choices, default=Source.ADMIN
    )
    worker = models.ForeignKey(
        "iii_triggers.Worker",
        verbose_name=_("provider"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="trigger_types",
        help_text=_("The worker that provides this type now."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = TriggerTypeQuerySet.as_manager()

    class Meta:
        verbose_name = _("trigger type")
        verbose_name_plural = _("trigger types")
        ordering = ["type_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "type_id"], name="iii_trigger_type_unique_id"
            ),
        ]

    def __str__(self) -> str:
        return self.type_id
