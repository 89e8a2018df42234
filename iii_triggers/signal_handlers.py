"""What the app does when rows or settings change."""

from __future__ import annotations

from typing import Any

from django.core.signals import setting_changed
from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from .conf import live_settings
from .engine.process import process_engine
from .models import Change, Trigger, TriggerType, WorkerToken
from .models.changes import changes_committed
from .trigger_types.identity import type_of
from .trigger_types.validation import builtin_trigger_types

KINDS: dict[type[Model], str] = {
    Trigger: Change.Kind.TRIGGER,
    TriggerType: Change.Kind.TRIGGER_TYPE,
    WorkerToken: Change.Kind.TOKEN,
}


def record_change(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Record the change in the transaction that made it.

    Triggers of workers live where their worker is connected; their rows are only for reading.
    """
    if isinstance(instance, Trigger) and instance.source == Trigger.Source.WORKER:
        return
    if not kwargs.get("raw"):
        Change.objects.using(using).note(KINDS[sender], str(instance.pk))


def trigger_saved(sender: type[Model], instance: Trigger, **kwargs: Any) -> None:
    """Let the type of a trigger bring other rows in step, in the same transaction."""
    if kwargs.get("raw"):
        return
    types = builtin_trigger_types()
    registrator = types.get(instance.trigger_type)
    former = types.get(type_of(instance.identity))
    if former is not None and former is not registrator:
        Trigger.objects.filter(pk=instance.pk).update(identity="", next_fire_at=None)
        former.row_removed(instance, by_disconnect=False)
        instance.identity, instance.next_fire_at = "", None
    if registrator is not None:
        registrator.row_saved(instance)


def trigger_removed(sender: type[Model], instance: Trigger, **kwargs: Any) -> None:
    """Let the type of a trigger undo that; a row that goes with its worker was not unregistered."""
    registrator = builtin_trigger_types().get(instance.trigger_type)
    if registrator is not None:
        origin = getattr(kwargs.get("origin"), "model", type(kwargs.get("origin")))
        registrator.row_removed(instance, by_disconnect=origin is not Trigger)


def forget_setting(setting: str, **kwargs: Any) -> None:
    """Have a changed setting looked up anew."""
    live_settings.forget(setting)


def nudge_nodes(**kwargs: Any) -> None:
    """Have other nodes look for changes at once; no engine is started only for that."""
    engine = process_engine.existing
    if engine is not None:
        engine.nudges.changes_committed()


def connect() -> None:
    """Connect the handlers; doing it twice is harmless."""
    changes_committed.connect(nudge_nodes, dispatch_uid="iii.nudge_nodes")
    setting_changed.connect(forget_setting, dispatch_uid="iii.forget_setting")
    for model in KINDS:
        for signal in (post_save, post_delete):
            signal.connect(record_change, sender=model, dispatch_uid=f"iii.{model.__name__}")
    post_save.connect(trigger_saved, sender=Trigger, dispatch_uid="iii.trigger_saved")
    post_delete.connect(trigger_removed, sender=Trigger, dispatch_uid="iii.trigger_removed")
