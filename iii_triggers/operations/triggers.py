"""Triggers of the site, made and changed by people: the same rules whichever door they take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import ADDITION, DELETION
from django.db import IntegrityError, transaction

from iii_triggers.models import Trigger
from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import TriggerConflict, TriggerRejected
from iii_triggers.trigger_types.validation import check_trigger

from .audit import log_action

CHECKED = frozenset({"trigger_type", "config", "enabled", "provider_namespace"})
"""What a check of the trigger depends on."""


class ReadOnlyTrigger(TriggerRejected):
    """The trigger belongs to its worker and cannot be changed here."""

    code = "read_only"


class TriggerExists(TriggerConflict):
    """The namespace has another trigger with this id."""

    code = "trigger_exists"


def locked(pk: int) -> Trigger:
    """Return a trigger to change in the running transaction. Raise Trigger.DoesNotExist."""
    return Trigger.objects.select_for_update().get(pk=pk)


def create(trigger: Trigger, *, user: Any, message: str) -> None:
    """Store a new trigger that ``user`` made; ``message`` goes to the log.

    Raise TriggerExists for an id that is taken, TriggerRejected for what its type refuses.
    """
    if Trigger.objects.filter(namespace=trigger.namespace, trigger_id=trigger.trigger_id).exists():
        raise TriggerExists
    check(trigger)
    trigger.created_by = user
    try:
        with transaction.atomic():
            trigger.save()
            log_action(user, trigger, message, flag=ADDITION)
    except IntegrityError as error:
        raise TriggerExists from error


def change(trigger: Trigger, values: dict[str, Any], *, user: Any, message: str) -> list[str]:
    """Give ``trigger``, as ``locked`` returns it, these values; return the fields that changed.

    Just those are saved: the engine may be writing the state. Raise ReadOnlyTrigger for what its
    source does not allow, TriggerRejected for what its type refuses.
    """
    changed = [name for name, value in values.items() if _differs(getattr(trigger, name), value)]
    _check_owner(trigger, changed)
    if not changed:
        return []
    for name in changed:
        setattr(trigger, name, values[name])
    # Whatever has become of its config, it can be switched off.
    if CHECKED.intersection(changed) and (trigger.enabled or changed != ["enabled"]):
        check(trigger)
    _save(trigger, changed)
    log_action(user, trigger, message % ", ".join(changed))
    return changed


def delete(trigger: Trigger, *, user: Any, message: str) -> None:
    """Delete ``trigger``, as ``locked`` returns it. Raise ReadOnlyTrigger."""
    if trigger.source == Trigger.Source.WORKER:
        raise ReadOnlyTrigger
    if trigger.source == Trigger.Source.CODE:
        raise ReadOnlyTrigger("The trigger is declared in code and would come back: disable it.")
    log_action(user, trigger, message, flag=DELETION)
    trigger.delete()


def check(trigger: Trigger) -> None:
    """Raise TriggerRejected unless ``trigger`` may be stored as it is."""
    check_trigger(
        trigger_type=trigger.trigger_type,
        namespace=trigger.namespace,
        config=trigger.config,
        trigger_id=trigger.trigger_id,
        enabled=trigger.enabled,
        exclude_pk=trigger.pk,
        provider_namespace=trigger.provider_namespace,
    )


def _check_owner(trigger: Trigger, changed: Iterable[str]) -> None:
    """Of a trigger declared in code only ``enabled`` is free, of one of a worker nothing."""
    if trigger.source == Trigger.Source.WORKER:
        raise ReadOnlyTrigger
    if trigger.source == Trigger.Source.CODE and not set(changed) <= {"enabled"}:
        raise ReadOnlyTrigger("The trigger is declared in code: only enabled can be changed here.")


def _save(trigger: Trigger, changed: Iterable[str]) -> None:
    if "enabled" in changed:
        trigger.state = Trigger.State.PARKED if trigger.enabled else Trigger.State.DISABLED
        trigger.error = ""
    trigger.save(update_fields={*changed, "state", "error", "updated_at"})


def _differs(one: Any, other: Any) -> bool:
    """Compare as JSON: true is not 1."""
    return to_json(one) != to_json(other)
