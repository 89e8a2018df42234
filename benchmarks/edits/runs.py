"""Three ASGI processes on PostgreSQL and Redis; one is edited, the two others are watched."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import msgspec

from benchmarks.crews import Member
from benchmarks.databases import Database, postgres_database
from benchmarks.load import Order
from benchmarks.redis_server import running_redis
from benchmarks.sites import Site
from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import READY_S, free_ports
from tests.support.services import ServiceUnavailable

from .admin import NEW_USER, Admin
from .plan import WITHIN_MS, WITHOUT_REDIS_MS, Plan
from .report import Edits, EditsReport
from .watching import Watcher

PROCESSES = 3
LOAD_CONNECTIONS = 4
LOAD_S = 120.0
REQUEST = b"GET /iii/http/loaded?name=Ada HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One form, and what is true everywhere once it serves: a path that is there, or gone."""

    send: Callable[[], None]
    path: str
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """The processes: one with somebody in its admin, the others watched."""

    admin: Admin
    watchers: Sequence[Watcher]
    database: Database

    def measure(self, label: str, *, edits: int, within_ms: float) -> Edits:
        """Make so many edits, one after the other, and time each."""
        result = Edits(label=label, within_ms=within_ms)
        with ThreadPoolExecutor(len(self.watchers)) as pool:
            for step in islice(self._steps(), edits):
                looks = [
                    pool.submit(watcher.served_at, step.path, exists=step.exists)
                    for watcher in self.watchers
                ]
                began = time.monotonic()
                step.send()
                saved = time.monotonic()
                served = max(look.result() for look in looks)
                result.saving_ms.append(round((saved - began) * 1000, 1))
                result.serving_ms.append(round(max(served - saved, 0.0) * 1000, 1))
        return result

    def _steps(self) -> Iterator[Step]:
        """Yield what a trigger goes through, one trigger after the other."""
        while True:
            name = f"edit-{time.monotonic_ns()}"
            yield Step(send=partial(self.admin.add, name, name), path=name, exists=True)
            key, moved = self._key(name), f"{name}/moved"
            change = partial(self.admin.change, key)
            yield Step(send=partial(change, moved, enabled=True), path=moved, exists=True)
            yield Step(send=partial(change, moved, enabled=False), path=moved, exists=False)
            yield Step(send=partial(change, moved, enabled=True), path=moved, exists=True)
            yield Step(send=partial(self.admin.delete, key), path=moved, exists=False)

    def _key(self, trigger_id: str) -> int:
        sql = f"SELECT id FROM iii_triggers_trigger WHERE trigger_id = '{trigger_id}'"
        [(key,)] = self.database.query(sql)
        return int(key)


def measure_edits(plan: Plan) -> EditsReport:
    """Measure on idle processes, on loaded ones, and without Redis."""
    plan.folder.mkdir()
    try:
        with ExitStack() as stack:
            return EditsReport(conditions=list(_conditions(stack, plan)))
    except ServiceUnavailable as reason:
        return EditsReport(skipped=f"edits: {reason}")


def _conditions(stack: ExitStack, plan: Plan) -> Iterator[Edits]:
    redis = stack.enter_context(running_redis(plan.folder))
    database = stack.enter_context(postgres_database("edits"))
    site = stack.enter_context(
        Site(
            settings="benchmarks.edits.settings",
            folder=plan.folder,
            database=database,
            REDIS_URL=redis.url(0),
            CELERY_BROKER_URL=redis.url(1),
        )
    )
    site.run("manage.py", "shell", "--no-imports", "-c", NEW_USER)
    ports = free_ports(PROCESSES)
    for port in ports:
        site.crew.start(_web(port))
    watchers = [Watcher(port) for port in ports[1:]]
    admin = Admin(ports[0], function_id="bench.local")
    editing = Editing(admin=admin, watchers=watchers, database=database)
    plan.say("  idle")
    yield editing.measure("idle", edits=plan.idle, within_ms=WITHIN_MS)
    plan.say("  under load")
    admin.add("loaded", "loaded")
    with _load(ports):
        yield editing.measure("under load", edits=plan.loaded, within_ms=WITHIN_MS)
    plan.say("  without Redis")
    redis.kill()
    yield editing.measure("Redis stopped", edits=plan.without_redis, within_ms=WITHOUT_REDIS_MS)


def _web(port: int) -> Member:
    application = ["iii_project.asgi:application", "--port", str(port)]
    command = [sys.executable, "-m", "uvicorn", *application]
    return Member(name=f"web {port}", command=command, ready="Application startup complete")


@contextmanager
def _load(ports: Sequence[int]) -> Iterator[None]:
    """Keep every process answering requests until the block ends."""
    orders = [
        Order(
            port=port,
            request=REQUEST,
            connections=LOAD_CONNECTIONS,
            warm_up_s=0,
            seconds=LOAD_S,
        )
        for port in ports
    ]
    command = [sys.executable, "-m", "benchmarks.load"]
    loads = [
        subprocess.Popen(
            [*command, msgspec.json.encode(order).decode()],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for order in orders
    ]
    try:
        yield
    finally:
        for load in loads:
            load.kill()
            load.wait(READY_S)
