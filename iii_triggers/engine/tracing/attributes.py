"""What spans say: the semantic conventions of OpenTelemetry where they have a word for it."""

from __future__ import annotations

from opentelemetry.trace import SpanKind

from iii_triggers.engine.calls import Call, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.functions import LocalFunction, Offer
from iii_triggers.engine.remote_functions import RemoteOffer

Target = Offer | RemoteOffer | LocalFunction
Attributes = dict[str, str | int]

_FAAS_TRIGGERS = {
    "http": "http",
    "cron": "timer",
    "queue": "pubsub",
    "subscribe": "pubsub",
    "state": "datasource",
    "stream": "datasource",
    "configuration": "datasource",
}


def of_cause(cause: Cause) -> Attributes:
    """Return what is known of why something runs."""
    said: Attributes = {}
    if cause.trigger_type:
        said["faas.trigger"] = _FAAS_TRIGGERS.get(cause.trigger_type, "other")
        said["iii.trigger.type"] = cause.trigger_type
    if cause.trigger_id:
        said["iii.trigger.id"] = cause.trigger_id
    if cause.delivery_id:
        said["iii.delivery.id"] = cause.delivery_id
        said["iii.attempt"] = cause.attempt
    return said


def of_invocation(pending: Pending, target: Target) -> Attributes:
    """Return what is known of a call when it begins."""
    call = pending.call
    said: Attributes = {
        "faas.invoked_name": call.function_id,
        "iii.invocation.id": pending.id,
        "iii.namespace": call.namespace,
    }
    if isinstance(target, RemoteOffer):
        said["iii.node.id"] = target.node.node_id
    elif isinstance(target, Offer):
        connection = target.connection
        said["iii.worker.id"] = connection.worker_id
        said["iii.worker.name"] = connection.info.name or ""
    if call.cause is not None:
        said |= of_cause(call.cause)
    return said


def kind_of(call: Call, target: Target) -> SpanKind:
    """Return the kind of the span of a call.

    A firing that nothing else has a span for, an event, is CONSUMER; what leaves the process is
    CLIENT.
    """
    cause = call.cause
    if cause is not None and cause.trigger_type != "http" and not cause.delivery_id:
        return SpanKind.CONSUMER
    return SpanKind.INTERNAL if isinstance(target, LocalFunction) else SpanKind.CLIENT
