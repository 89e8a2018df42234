"""What a run was given, as far as it can be given again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from iii_triggers.engine.history.redaction import MASK
from iii_triggers.engine.payload import NOTHING, Payload
from iii_triggers.models import Delivery, Invocation, InvocationPayload, Trigger
from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.protocol.errors import IiiError, MalformedFrame

CHANNELS = ("request_body", "response")
"""Keys of an http input that lead to the channels of its request, which ended with it."""

Reason = Literal["cut", "redacted", "not_kept"]

REASONS: dict[Reason, str] = {
    "cut": "Its input was too long to be kept whole.",
    "redacted": "Secrets were left out of its input.",
    "not_kept": "Its input was not kept.",
}


class NotReplayable(IiiError):
    """The run cannot be repeated: its input is not known."""

    code = "not_replayable"

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"The run cannot be repeated. {REASONS[reason]}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A run, and what is there still of what it came from."""

    run: Invocation
    payload: InvocationPayload | None
    delivery: Delivery | None
    trigger: Trigger | None

    @property
    def metadata(self) -> Any:
        """What the function learns beside its input; that of direct calls is not kept."""
        origin = self.trigger or self.delivery
        return origin.metadata if origin is not None else None

    def input(self) -> Payload:
        """Return the input to run the function with again. Raise NotReplayable.

        A delivery has its payload whole, whatever the history kept of it.
        """
        if self.delivery is not None:
            return Payload.of_json(self.delivery.payload.encode())
        if self.payload is None:
            raise NotReplayable("not_kept")
        if self.payload.input_cut:
            raise NotReplayable("cut")
        if not self.payload.input:
            return NOTHING
        return self._kept(self.payload)

    def _kept(self, payload: InvocationPayload) -> Payload:
        try:
            value = from_json(payload.input)
        except MalformedFrame as error:
            # JSON that a worker may send, and that cannot be read here, such as 1e999.
            raise NotReplayable("not_kept") from error
        rest = without_channels(value)
        text = payload.input.encode() if rest is value else to_json(rest)
        if payload.redacted and MASK.encode() in text:
            raise NotReplayable("redacted")
        return Payload.of_json(text)


def sources_of(runs: Sequence[Invocation]) -> list[Source]:
    """Return where runs came from, in their order; three queries."""
    payloads = InvocationPayload.objects.in_bulk([run.pk for run in runs])
    deliveries = Delivery.objects.in_bulk({run.delivery_id for run in runs if run.delivery_id})
    rows = Trigger.objects.filter(trigger_id__in={run.trigger_id for run in runs} - {""})
    triggers = {(row.namespace, row.trigger_id, row.trigger_type): row for row in rows}
    return [
        Source(
            run=run,
            payload=payloads.get(run.pk),
            delivery=deliveries.get(run.delivery_id),
            trigger=triggers.get((run.namespace, run.trigger_id, run.trigger_type)),
        )
        for run in runs
    ]


def without_channels(value: Any) -> Any:
    """Return an input without what leads to the channels of a request that has ended."""
    if not isinstance(value, dict) or not any(_is_channel(value.get(key)) for key in CHANNELS):
        return value
    return {k: v for k, v in value.items() if k not in CHANNELS or not _is_channel(v)}


def whole_input(payload: InvocationPayload) -> Any:
    """Return the input that was kept, None if there was none or not all of it was kept."""
    source = Source(run=Invocation(), payload=payload, delivery=None, trigger=None)
    try:
        return source.input().value()
    except NotReplayable:
        return None


def _is_channel(value: Any) -> bool:
    return isinstance(value, dict) and {"channel_id", "access_key"} <= value.keys()
