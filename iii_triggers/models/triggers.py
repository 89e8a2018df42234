"""Triggers: bindings of a trigger type to a function."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models, router, transaction
from django.utils.translation import gettext_lazy as _


def new_trigger_id() -> str:
    """Return an id for a trigger that was given none."""
    return str(uuid.uuid4())


class TriggerQuerySet(models.QuerySet["Trigger"]):
    """Triggers, by what the engine asks."""

    def of_the_site(self) -> TriggerQuerySet:
        """Triggers that no worker owns: they survive every disconnect and restart."""
        return self.exclude(source=Trigger.Source.WORKER)

    def enabled(self) -> TriggerQuerySet:
        """Triggers that should be registered."""
        return self.filter(enabled=True)


class Trigger(models.Model):
    """One binding: trigger type, function and config."""

    class Source(models.TextChoices):
        """Who made the trigger, and so who may change it."""

        ADMIN = "admin", _("admin")
        API = "api", _("API")
        CODE = "code", _("code")
        WORKER = "worker", _("worker")

    class State(models.TextChoices):
        """What became of the registration."""

        ACTIVE = "active", _("active")
        PARKED = "parked", _("parked")
        REJECTED = "rejected", _("rejected")
        DISABLED = "disabled", _("disabled")

    trigger_id = models.CharField(
        _("id"),
        max_length=255,
        default=new_trigger_id,
        help_text=_("Free to choose; made up when left as it is."),
    )
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    trigger_type = models.CharField(_("trigger type"), max_length=255)
    provider_namespace = models.CharField(
        _("namespace of the type"),
        max_length=255,
        blank=True,
        default="",
        help_text=_("Where the type must be; empty looks in the namespace, then in default."),
    )
    function_id = models.CharField(_("function"), max_length=255)
    config = models.JSONField(_("config"), default=dict, blank=True)
    metadata = models.JSONField(
        _("metadata"),
        null=True,
        blank=True,
        help_text=_("Handed to the function beside its input with every firing."),
    )
    source = models.CharField(
        _("source"), max_length=10, choices=Source.choices, default=Source.ADMIN
    )
    worker = models.ForeignKey(
        "iii_triggers.Worker",
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="triggers",
        help_text=_("The worker whose disconnect removes this trigger."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PARKED)
    error = models.TextField(_("error"), blank=True)
    identity = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        editable=False,
        help_text=_("Triggers with the same identity act as one; empty for types without one."),
    )
    next_fire_at = models.DateTimeField(
        _("next fires at"), null=True, blank=True, db_index=True, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = TriggerQuerySet.as_manager()

    class Meta:
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        ordering = ["trigger_type", "function_id", "trigger_id"]
        permissions = [("fire_trigger", _("Can fire triggers by hand"))]
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "trigger_id"], name="iii_trigger_unique_id"
            ),
        ]
        indexes = [
            models.Index(fields=["source", "enabled"], name="iii_trigger_source"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_type} → {self.function_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with a state that goes with ``enabled``; the engine sets the others.

        In one transaction with what the type of the trigger makes of it.
        """
        if not self.enabled:
            self.state, self.error = self.State.DISABLED, ""
        elif self.state == self.State.DISABLED:
            self.state = self.State.PARKED
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "state", "error"}
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
