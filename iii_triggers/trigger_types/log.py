"""The ``log`` trigger type: runs a function for logs of workers (trigger reference, section 8.1).

What is logged in a firing, or by what it calls, fires nothing: a function that logs would run for
ever. Such logs are told apart by the trace of the firing, which SDKs carry on, and for SDKs without
traces by the worker that runs a firing at that moment. What still slips through, and floods, are
held back by a rate for each trigger.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from iii_triggers.engine.bus_messages import Broadcast
from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.seen import Seen
from iii_triggers.engine.telemetry.complaints import Complaints
from iii_triggers.engine.telemetry.firing_traces import is_firing, new_traceparent
from iii_triggers.engine.telemetry.records import SEVERITIES, logged
from iii_triggers.models import Trigger as TriggerRow
from iii_triggers.protocol.errors import IiiError, InvalidConfig

from .base import TriggerRegistrator

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.telemetry.records import LogRecord
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey

logger = logging.getLogger(__name__)

RATE = 200.0
"""Firings of one trigger a second, in the long run."""
BURST = 1000
MAX_IN_FLIGHT = 1000
"""Firings of one trigger that may run at the same time."""


class LogMessage(Broadcast, tag="iii.log"):
    """A log, for the triggers of the workers of another node."""

    level: str
    severity_number: int
    data: bytes


@dataclass(slots=True, kw_only=True, eq=False)
class Allowance:
    """How often something may happen."""

    left: float = BURST
    since: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Use it once; tell whether that is allowed."""
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.since) * RATE)
        self.since = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True, kw_only=True, eq=False)
class LiveLogTrigger:
    """A trigger and what runs of it."""

    trigger: Trigger
    level: str
    severity_min: int
    allowance: Allowance = field(default_factory=Allowance)
    running: set[Pending] = field(default_factory=set)

    def asks_for(self, level: str, severity_number: int) -> bool:
        """Tell whether a log is one of those the trigger is for."""
        return self.level in ("all", level) and severity_number >= self.severity_min


class LogTriggerType(TriggerRegistrator):
    """Runs a function for every log of the level in its config, without waiting for it."""

    id = "log"
    description = "Runs a function when a worker logs something."
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Logs",
        "type": "object",
        "properties": {
            "level": {
                "title": "Level",
                "description": "Exactly this level, not the higher ones too; all by default.",
                "type": "string",
                "default": "all",
                "examples": ["all", "trace", "debug", "info", "warn", "error"],
            },
            "severity_min": {
                "title": "Lowest severity",
                "description": "Severity number of OpenTelemetry: 9 is info, 13 warn, 17 error.",
                "type": "integer",
            },
        },
    }
    call_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Log",
        "type": "object",
        "required": ["timestamp_unix_nano", "severity_number", "severity_text", "body"],
        "properties": {
            "timestamp_unix_nano": {"type": "integer"},
            "observed_timestamp_unix_nano": {"type": "integer"},
            "severity_number": {"type": "integer"},
            "severity_text": {"type": "string"},
            "body": {"type": "string"},
            "attributes": {"type": "object"},
            "trace_id": {"type": ["string", "null"]},
            "span_id": {"type": ["string", "null"]},
            "resource": {"type": "object"},
            "service_name": {"type": "string"},
            "instrumentation_scope_name": {"type": "string"},
            "instrumentation_scope_version": {"type": "string"},
        },
    }

    def __init__(self) -> None:
        self.dropped = Complaints(logger, "%d firings of log triggers were dropped: %s")
        self._live: dict[TriggerKey, LiveLogTrigger] = {}
        self._engine: Engine | None = None
        self._seen = Seen()
        self._abroad = Allowance()
        self._others_listen = False

    def bind(self, engine: Engine) -> None:
        """Watch the logs of this node, and hear those of others."""
        self._engine = engine
        engine.telemetry.watchers.append(self._logged)
        engine.network.bus.on(LogMessage, self._hear)
        engine.on_look.append(self.look_around)

    async def unbind(self) -> None:
        """Fire nothing any more: the engine stops."""
        self._live.clear()
        self._others_listen = False

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` is ``{"level"?: str, "severity_min"?: int}``."""
        super().validate_config(config)
        _read(config or {})

    async def register_trigger(self, trigger: Trigger) -> None:
        """Fire the trigger from now on. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        level, severity_min = _read(trigger.config or {})
        self._live[trigger.key] = LiveLogTrigger(
            trigger=trigger, level=level, severity_min=severity_min
        )

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop firing it."""
        self._live.pop(trigger.key, None)

    def sample_input(self, row: TriggerRow) -> Any:
        """Return a log that the trigger asks for. Raise InvalidConfig."""
        self.validate_config(row.config)
        level, _ = _read(row.config or {})
        return asdict(logged(level if level in SEVERITIES else "info", "Something happened."))

    def triggers(self) -> list[Trigger]:
        """Return the triggers that fire."""
        return [live.trigger for live in self._live.values()]

    def look_around(self) -> None:
        """Find out whether workers of other nodes have log triggers. A unit of database work."""
        if self._engine is not None and self._engine.network.bus.is_on:
            self._others_listen = _have_others(self._engine.node.node_id)

    def _logged(self, record: LogRecord, data: bytes, worker: WorkerConnection | None) -> None:
        if not self._live and not self._others_listen:
            return
        if is_firing(record.trace_id) or self._runs_firing(worker):
            return
        self._fire(record.level, record.severity_number, data, self._live.values())
        if self._others_listen and self._engine is not None:
            self._tell_others(self._engine, record, data)

    def _runs_firing(self, worker: WorkerConnection | None) -> bool:
        return worker is not None and any(
            pending.executor is worker for live in self._live.values() for pending in live.running
        )

    def _tell_others(self, engine: Engine, record: LogRecord, data: bytes) -> None:
        if not self._abroad.take():
            self.dropped.add("too many logs for other processes")
            return
        message = LogMessage(
            id=uuid.uuid4().hex,
            level=record.level,
            severity_number=record.severity_number,
            data=data,
        )
        engine.network.broadcast(message)

    def _hear(self, message: LogMessage) -> None:
        """Fire the triggers of the workers of this node; the site's fired where it was logged."""
        if self._seen.add(message.id):
            owned = (live for live in self._live.values() if live.trigger.worker is not None)
            self._fire(message.level, message.severity_number, message.data, owned)

    def _fire(
        self, level: str, severity_number: int, data: bytes, triggers: Iterable[LiveLogTrigger]
    ) -> None:
        for live in list(triggers):
            if not live.asks_for(level, severity_number):
                continue
            if len(live.running) < MAX_IN_FLIGHT and live.allowance.take():
                self._start(live, data)
            else:
                self.dropped.add(f"too many for trigger {live.trigger.id}")

    def _start(self, live: LiveLogTrigger, data: bytes) -> None:
        if self._engine is None:
            return
        trigger = live.trigger
        call = Call(
            function_id=trigger.function_id,
            namespace=trigger.namespace,
            data=Payload.of_json(data),
            metadata=trigger.metadata,
            traceparent=new_traceparent(),
            cause=trigger.cause,
        )
        waiting: list[Pending] = []
        pending = self._engine.invoker.start(call, partial(_ended, live, waiting))
        if pending is not None:
            waiting.append(pending)
            live.running.add(pending)


def _ended(live: LiveLogTrigger, waiting: list[Pending], outcome: Outcome) -> None:
    live.running.difference_update(waiting)
    if isinstance(outcome, IiiError):
        extra = {"action": "fire", "trigger_id": live.trigger.id}
        logger.debug("Trigger %s: %s", live.trigger.id, outcome.message, extra=extra)


def _read(config: dict[str, Any]) -> tuple[str, int]:
    level, severity_min = config.get("level"), config.get("severity_min")
    if level is not None and not isinstance(level, str):
        raise InvalidConfig("level must be a string", field="level")
    is_number = isinstance(severity_min, (int, float)) and not isinstance(severity_min, bool)
    if severity_min is not None and not is_number:
        raise InvalidConfig("severity_min must be a number", field="severity_min")
    return level or "all", int(severity_min or 0)


def _have_others(this_node: str) -> bool:
    rows = TriggerRow.objects.filter(trigger_type="log", worker__isnull=False)
    return rows.exclude(worker__node_id=this_node).exists()
