"""Writes what lives in memory to the database, behind the scenes and in batches.

Only the newest state of each row waits to be written, so that a worker which registers and
leaves within one interval costs nothing. A batch that fails is kept and tried again. It is written
in transactions that are short: on SQLite nobody else can write meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone

from iii_triggers.models import Change, Function, TriggerType

from .connections import WorkerConnection
from .functions import FunctionInfo
from .measures import last_seen, metrics_of
from .offer_rows import OfferWrite, write_offers
from .state_rows import StateWrite, write_states
from .trigger_rows import TriggerGone, TriggerWrite, remove_triggers, write_of, write_triggers
from .trigger_values import Trigger, TriggerEntry, TriggerTypeEntry
from .worker_rows import (
    WorkerDrain,
    WorkerGone,
    WorkerWrite,
    drain_workers,
    known_workers,
    remove_workers,
    write_workers,
)

logger = logging.getLogger(__name__)

Write = Callable[[], None]
Key = tuple[Any, ...]
Batch = dict[Key, tuple[int, Write]]

# Rows must be written after those they point to, and a worker's row must go last.
(
    WORKER,
    DRAIN,
    TYPE,
    FUNCTION,
    TRIGGER_GONE,
    TRIGGER,
    FOLLOWED_TRIGGER,
    GONE,
    ANNOUNCEMENT,
) = range(9)

COST = 1000
"""What one transaction may cost: so many rows that are written together."""
COST_ALONE = 40
"""What a row costs that is written with statements of its own."""


@dataclass(slots=True, kw_only=True)
class Mirror:
    """What waits to be written."""

    node_id: str
    announces_offers: bool = False
    """Whether other nodes are to learn what workers of this one offer, and their triggers."""
    followed_types: frozenset[str] = frozenset()
    """Ids of the trigger types that bring other rows in step with each trigger that is saved."""
    _writes: Batch = field(default_factory=dict)

    @property
    def is_dirty(self) -> bool:
        """Whether anything waits."""
        return bool(self._writes)

    def worker_connected(self, connection: WorkerConnection) -> None:
        """Write the row of a worker, or what became known of it."""
        row = self._worker_row(connection)
        self._queue(WORKER, ("worker", connection.worker_id), WorkerWrite(row))

    def worker_drains(self, connection: WorkerConnection) -> None:
        """Write that a worker gets no new calls; other nodes send it none either."""
        worker_id, now = connection.worker_id, timezone.now()
        self._queue(DRAIN, ("worker drains", worker_id), WorkerDrain(worker_id, now))
        self._announce_offers()

    def worker_disconnected(self, connection: WorkerConnection) -> None:
        """Remove the row of a worker and everything it still owns."""
        worker_id = connection.worker_id
        self._writes.pop(("worker drains", worker_id), None)
        self._queue(GONE, ("worker", worker_id), WorkerGone(worker_id))
        self._announce_offers()

    def function_offered(self, info: FunctionInfo, connection: WorkerConnection) -> None:
        """Write the row of an offer."""
        worker_id = connection.worker_id
        key = ("function", *info.key, worker_id)
        self._queue(FUNCTION, key, OfferWrite(info, worker_id))
        self._announce_offers()

    def function_withdrawn(
        self, namespace: str, function_id: str, connection: WorkerConnection
    ) -> None:
        """Remove the row of an offer."""
        worker_id = connection.worker_id
        rows = Function.objects.filter(
            namespace=namespace, function_id=function_id, worker_id=worker_id
        )
        key = ("function", namespace, function_id, worker_id)
        self._queue(FUNCTION, key, lambda: _delete(rows))
        self._announce_offers()

    def trigger_changed(self, trigger: Trigger, entry: TriggerEntry | None) -> None:
        """Write the row of a worker's trigger, or only the state of one of the site."""
        key = _trigger_key(trigger)
        if trigger.worker is not None:
            owner = trigger.worker.worker_id
            if entry is not None:
                self._write_trigger(write_of(entry, worker_id=owner))
            elif not trigger.worker.closed:
                # What goes with its connection goes with the row of the worker: that is no
                # unregistration, and a queue goes on collecting for it.
                self._queue(TRIGGER_GONE, key, TriggerGone(key=key[1:], worker_id=owner))
                self._announce_offers()
        elif entry is not None and trigger.pk is not None:
            self._queue(TRIGGER, key, StateWrite(trigger.pk, entry.state, entry.error))

    def trigger_is_stored(self, trigger: Trigger) -> None:
        """Write no state of a trigger of the site: its row tells what became of it."""
        self._writes.pop(_trigger_key(trigger), None)

    def trigger_type_added(self, provider: TriggerTypeEntry) -> None:
        """Write the row of a type that a worker provides."""
        if provider.worker is not None:
            worker_id = provider.worker.worker_id
            self._queue(TYPE, ("type", *provider.key), lambda: _upsert_type(provider, worker_id))

    def trigger_type_removed(self, provider: TriggerTypeEntry) -> None:
        """Note that nobody provides the type; the row outlives its provider."""
        if provider.worker is not None:
            worker_id = provider.worker.worker_id
            self._queue(TYPE, ("type", *provider.key), lambda: _release_type(provider, worker_id))

    def take(self) -> Batch:
        """Return what waits and forget it; for ``write``."""
        batch, self._writes = self._writes, {}
        return batch

    def put_back(self, batch: Batch) -> None:
        """Let what could not be written wait again, behind what came since."""
        self._writes = {**batch, **self._writes}

    def _write_trigger(self, write: TriggerWrite) -> None:
        key = ("trigger", *write.key)
        if write.values["trigger_type"] in self.followed_types:
            self._queue(FOLLOWED_TRIGGER, key, partial(TriggerWrite.__call__, write))
        else:
            self._queue(TRIGGER, key, write)
        self._announce_offers()

    def _announce_offers(self) -> None:
        """Have other nodes told, once for a batch and in its last transaction."""
        if self.announces_offers:
            node_id = self.node_id
            self._queue(ANNOUNCEMENT, ("offers",), lambda: _announce(node_id))

    def _queue(self, order: int, key: Key, write: Write) -> None:
        self._writes[key] = (order, write)

    def _worker_row(self, connection: WorkerConnection) -> dict[str, Any]:
        info = connection.info
        return {
            "worker_id": connection.worker_id,
            "node_id": self.node_id,
            "name": info.name or "",
            "description": info.description or "",
            "runtime": info.runtime[:100],
            "version": info.version[:100],
            "os": info.os[:280],
            "pid": info.pid,
            "ip": connection.ip[:100],
            "namespace": connection.namespace,
            "connected_at": datetime.fromtimestamp(connection.connected_at_ms / 1000, UTC),
            "last_seen": last_seen(connection),
            "isolation": (info.isolation or "")[:100],
            "telemetry": info.telemetry,
            "in_flight": len(connection.executing),
            "metrics": metrics_of(connection),
        }


def write_batch(batch: Batch) -> None:
    """Write a batch; a row that the database refuses is left out and logged.

    Raise OperationalError when the database is away: all may be written again then.
    """
    writes = [write for _, write in sorted(batch.values(), key=lambda item: item[0])]
    for some in _portions(writes):
        try:
            _write_all(some)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - find the row that cannot be written
            _write_each(some)


def _portions(writes: list[Write]) -> Iterator[list[Write]]:
    """Yield what is written in one transaction each."""
    portion: list[Write] = []
    cost = 0
    for write in writes:
        portion.append(write)
        cost += _COSTS.get(type(write), COST_ALONE)
        if cost >= COST:
            yield portion
            portion, cost = [], 0
    if portion:
        yield portion


def _write_all(writes: list[Write]) -> None:
    with transaction.atomic():
        for kind, some in groupby(writes, key=type):
            together: Callable[[list[Any]], None] = _TOGETHER.get(kind, _one_by_one)
            together(list(some))


def _one_by_one(writes: list[Write]) -> None:
    for write in writes:
        write()


_TOGETHER: dict[type, Callable[[list[Any]], None]] = {
    WorkerWrite: write_workers,
    WorkerDrain: drain_workers,
    OfferWrite: write_offers,
    TriggerWrite: write_triggers,
    TriggerGone: remove_triggers,
    StateWrite: write_states,
    WorkerGone: remove_workers,
}
# With a worker go the rows of all it offered.
_COSTS: dict[type, int] = {**dict.fromkeys(_TOGETHER, 1), WorkerGone: 5}


def _write_each(writes: list[Write]) -> None:
    """Write one by one; one that the database refuses must not keep the others waiting."""
    for write in writes:
        try:
            with transaction.atomic():
                write()
        except OperationalError:
            raise
        except Exception:
            logger.exception("A live registration could not be written to the database.")


def _announce(node_id: str) -> None:
    Change.objects.record(Change.Kind.FUNCTION, node_id)


def _delete(rows: Any) -> None:
    rows.delete()


def _trigger_key(trigger: Trigger) -> tuple[str, str, str]:
    return ("trigger", trigger.namespace, trigger.id)


def _upsert_type(provider: TriggerTypeEntry, worker_id: str) -> None:
    if not known_workers([worker_id]):
        return
    rows = TriggerType.objects.filter(namespace=provider.namespace, type_id=provider.id)
    if rows.of_the_site().update(worker_id=worker_id):
        return
    TriggerType.objects.update_or_create(
        namespace=provider.namespace,
        type_id=provider.id,
        defaults={
            "description": provider.description,
            "config_schema": provider.config_schema,
            "call_schema": provider.call_schema,
            "source": TriggerType.Source.WORKER,
            "worker_id": worker_id,
        },
    )


def _release_type(provider: TriggerTypeEntry, worker_id: str) -> None:
    TriggerType.objects.filter(
        namespace=provider.namespace, type_id=provider.id, worker_id=worker_id
    ).update(worker=None)
