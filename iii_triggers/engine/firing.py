"""Firing triggers: each runs its function with the same payload, and nobody waits."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from iii_triggers.context import current_traceparent
from iii_triggers.models import Trigger as TriggerRow
from iii_triggers.protocol.errors import IiiError

from .calls import Call, Outcome
from .causes import Cause
from .invocation import Invoker
from .payload import Payload
from .trigger_values import Trigger

logger = logging.getLogger(__name__)


def fire(invoker: Invoker, triggers: Iterable[Trigger], payload: Any) -> None:
    """Invoke the function of every trigger; one that fails is logged and touches no other.

    ``payload`` is any value, or a Payload.
    Raise SerializationFailed, before anything runs, if ``payload`` is not JSON.
    """
    data = (payload if isinstance(payload, Payload) else Payload.of(payload)).json()
    traceparent = current_traceparent() or None
    for trigger in triggers:
        invocation_id = invoker.new_id()
        call = Call(
            function_id=trigger.function_id,
            namespace=trigger.namespace,
            # One each: functions of the site must not see what another does to its input.
            data=Payload.of_json(data),
            metadata=trigger.metadata,
            invocation_id=invocation_id,
            traceparent=traceparent,
            cause=trigger.cause,
        )
        invoker.start(call, partial(_log_failure, trigger, invocation_id))


def call_by_hand(row: TriggerRow, data: Payload, *, timeout_s: float | None) -> Call:
    """Return the call that fires one trigger, whatever its state; the run is one of the trigger."""
    return Call(
        function_id=row.function_id,
        namespace=row.namespace,
        data=data,
        metadata=row.metadata,
        timeout_s=timeout_s,
        cause=Cause(trigger_type=row.trigger_type, trigger_id=row.trigger_id),
    )


def about(trigger: Trigger, invocation_id: str) -> dict[str, str]:
    """Return what a log about a firing says besides its text."""
    return {
        "action": "fire",
        "invocation_id": invocation_id,
        "function_id": trigger.function_id,
        "namespace": trigger.namespace,
        "trigger_id": trigger.id,
        "trigger_type": trigger.trigger_type,
    }


def _log_failure(trigger: Trigger, invocation_id: str, outcome: Outcome) -> None:
    if isinstance(outcome, IiiError):
        extra = about(trigger, invocation_id)
        logger.warning("Trigger %s: %s", trigger.id, outcome.message, extra=extra)
