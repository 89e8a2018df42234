"""Note every saved or deleted trigger and trigger type, so that all processes hear of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from .models import Change, Trigger, TriggerType

KINDS: dict[type[Model], str] = {
    Trigger: Change.Kind.TRIGGER,
    TriggerType: Change.Kind.TRIGGER_TYPE,
}


def record_change(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Record the change in the transaction that made it."""
    if not kwargs.get("raw"):
        Change.objects.using(using).record(KINDS[sender], str(instance.pk))


def connect() -> None:
    """Connect the handlers; doing it twice is harmless."""
    for model in KINDS:
        for signal in (post_save, post_delete):
            signal.connect(record_change, sender=model, dispatch_uid=f"iii.{model.__name__}")
