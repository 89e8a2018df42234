"""One row of each model that has pages: what the requests of the matrix are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from iii_triggers.models import (
    Configuration,
    Delivery,
    Function,
    Invocation,
    InvocationPayload,
    Node,
    StateItem,
    StreamItem,
    Subscription,
    Topic,
    Trigger,
    TriggerType,
    Worker,
    WorkerToken,
)
from tests.admin.deliveries import make

from .cast import APP

Rows = dict[str, Model]
Execute = Callable[[str, Any, Any, dict[str, Any]], Any]
ORIGINALLY: dict[str, dict[str, object]] = {
    "delivery": {"state": "dead"},
    "trigger": {"enabled": True, "state": "active"},
}
STATES: dict[str, dict[str, object]] = {
    "delivery hold": {"state": "queued"},
    "delivery cancel": {"state": "queued"},
    "delivery release": {"state": "held"},
    "trigger enable": {"enabled": False, "state": "disabled"},
}
"""By model and verb: what there must be for the verb to have an effect."""
WRITTEN = (f'"{APP}_', '"django_admin_log"')


def make_rows() -> Rows:
    """Create the rows and return them by the name of their model."""
    now = timezone.now()
    node = Node.objects.create(
        node_id="n", host="web", pid=7, kind="asgi", started_at=now, heartbeat_at=now
    )
    worker = Worker.objects.create(
        worker_id="6f1c0000-0000-4000-8000-000000000000",
        node=node,
        name="shop",
        connected_at=now,
        last_seen=now,
    )
    token, _ = WorkerToken.objects.issue("partner")
    rows = [node, worker, token, *_declared(worker), *_happened(), *_kept()]
    return {row._meta.model_name or "": row for row in rows}


def _declared(worker: Worker) -> list[Model]:
    return [
        TriggerType.objects.create(type_id="order.paid", source="admin"),
        Function.objects.create(function_id="shop.bill", worker=worker),
        Trigger.objects.create(
            trigger_id="nightly",
            trigger_type="cron",
            function_id="shop.report",
            config={"schedule": "0 3 * * *"},
            state=Trigger.State.ACTIVE,
        ),
    ]


def _happened() -> list[Model]:
    run = Invocation.objects.create(
        status="failed", function_id="shop.bill", started_at=timezone.now(), duration_ms=2
    )
    InvocationPayload.objects.create(run_id=run.pk, input='{"total": 5}', output="true")
    return [
        run,
        Topic.objects.create(name="orders"),
        Subscription.objects.create(
            topic="orders", function_id="demo.bill", trigger_id="t", expires_at=timezone.now()
        ),
        make(state=Delivery.State.DEAD, attempts=3),
    ]


def _kept() -> list[Model]:
    return [
        StateItem.objects.create(scope="users", key="42", value="1"),
        StreamItem.objects.create(stream_name="todos", group_id="g", item_id="a", value="1"),
        Configuration.objects.create(config_id="mail", value="{}"),
    ]


def put_into_state(row: Model, verb: str) -> None:
    """Put a row into the state in which a verb has an effect."""
    name = row._meta.model_name or ""
    values = {**ORIGINALLY.get(name, {}), **STATES.get(f"{name} {verb}", {})}
    if values:
        type(row)._base_manager.filter(pk=row.pk).update(**values)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is done to the database inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Writes:
    """Counts the rows of the app, and of the admin's log, that are written."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(
        self, execute: Execute, sql: str, params: Any, many: Any, context: dict[str, Any]
    ) -> Any:
        """Run a statement, as a wrapper of the connection's."""
        result = execute(sql, params, many, context)
        verb, _, rest = sql.partition(" ")
        if verb in {"INSERT", "UPDATE", "DELETE"} and any(name in rest for name in WRITTEN):
            self.rows += 1 if verb == "INSERT" else max(context["cursor"].rowcount, 0)
        return result


@contextmanager
def written() -> Iterator[Writes]:
    """Count what is written inside."""
    writes = Writes()
    with connection.execute_wrapper(writes):
        yield writes
