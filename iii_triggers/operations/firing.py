"""Firing a trigger by hand: its function runs as if the event had happened."""

from __future__ import annotations

import json
from typing import Any

from iii_triggers.delivery.create import check_size
from iii_triggers.engine.firing import call_by_hand
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation, InvocationPayload, Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.base import TriggerRegistrator
from iii_triggers.trigger_types.schema_examples import example_of
from iii_triggers.trigger_types.validation import builtin_trigger_types

from .inputs import whole_input
from .runs import RunResult, start

RECENT = 20
"""So many of the last runs are looked at for one whose input was kept whole."""


def fire(trigger: Trigger, payload: Any, *, wait_s: float) -> RunResult:
    """Run the function of ``trigger`` with ``payload`` (any JSON value); wait at most ``wait_s``.

    The run is one of the trigger: with its namespace, its metadata and the time its type gives.
    It does not matter who owns the trigger, nor whether it is disabled or parked. Nobody asks its
    condition or middleware, and nothing is tried again. Raise SerializationFailed for what is no
    JSON, PayloadTooLarge over ``III_MAX_PAYLOAD_BYTES``.
    """
    data = Payload.of_json(Payload.of(payload).json())
    check_size(data.json())
    return start(call_by_hand(trigger, data, timeout_s=timeout_s(trigger)), wait_s=wait_s)


def timeout_s(trigger: Trigger) -> float | None:
    """Return how long the function of a trigger may run; None is the site's setting."""
    registrator = _builtin_type(trigger)
    try:
        return registrator.timeout_s(trigger) if registrator is not None else None
    except InvalidConfig:
        return None


def sample_payload(trigger: Trigger, *, from_history: bool) -> str:
    """Return an input to try ``trigger`` with, as indented JSON text.

    That of its last run whose input was kept whole, if ``from_history`` (ask for it only for those
    who may view payloads), else what its type usually hands over.
    """
    value = _last_input(trigger) if from_history else None
    if value is None:
        value = _usual_input(trigger)
    return json.dumps(value, indent=2, ensure_ascii=False)


def _last_input(trigger: Trigger) -> Any:
    # By the id alone, which has an index: however many runs there are, few are looked at.
    runs = Invocation.objects.filter(trigger_id=trigger.trigger_id).order_by("-pk")
    rows = runs.values_list("pk", "namespace", "trigger_type")[:RECENT]
    whose = (trigger.namespace, trigger.trigger_type)
    ids = [pk for pk, *facts in rows if tuple(facts) == whose]
    kept = InvocationPayload.objects.in_bulk(ids)
    inputs = (whole_input(kept[pk]) for pk in ids if pk in kept)
    return next((value for value in inputs if value is not None), None)


def _usual_input(trigger: Trigger) -> Any:
    registrator = _builtin_type(trigger)
    if registrator is None:
        return example_of(_call_schema(trigger)) or {}
    try:
        return registrator.sample_input(trigger)
    except InvalidConfig:
        return {}


def _builtin_type(trigger: Trigger) -> TriggerRegistrator | None:
    if trigger.provider_namespace not in ("", "default"):
        return None
    return builtin_trigger_types().get(trigger.trigger_type)


def _call_schema(trigger: Trigger) -> Any:
    """Return what the type says of its calls: that of the first namespace that has the type."""
    wanted = trigger.provider_namespace
    namespaces = [wanted] if wanted else [trigger.namespace, "default"]
    rows = TriggerType.objects.filter(type_id=trigger.trigger_type, namespace__in=namespaces)
    schemas = dict(rows.values_list("namespace", "call_schema"))
    return next((schemas[name] for name in namespaces if name in schemas), None)
