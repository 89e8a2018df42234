"""Two beats fire every slot once; after a time without beats, ``misfire`` decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.databases import postgres_database, sqlite_database
from benchmarks.redis_server import running_redis
from benchmarks.sites import Site, celery, engine
from tests.e2e.processes import free_ports
from tests.support.services import ServiceUnavailable, are_required

from .misfires import POLICIES, misfires
from .plan import Outcome, Plan
from .sites import soak_site
from .slots import add_triggers, slots_of
from .two_beats import TWO_BEATS, two_beats

PART = "beats"
STARTED_S = 60.0
LOOK_S = 0.5
LEAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Beaten:
    """A site with two processes that beat."""

    name: str
    site: Site
    beats: tuple[str, str]


def run(plan: Plan) -> Outcome:
    """Let two beats run for a while on each database, then none for a while, then two again."""
    facts: list[str] = []
    failures: list[str] = []
    with ExitStack() as stack:
        beaten = [_embedded(plan, stack)]
        try:
            beaten.append(_separate(plan, stack))
        except ServiceUnavailable as reason:
            if are_required():
                raise
            facts.append(f"without PostgreSQL: {reason}")
        _go_through(beaten, plan)
        for one in beaten:
            for fact, found in (two_beats(one.site), misfires(one.site, plan.beat_down_s)):
                facts.append(f"{one.name}: {fact}")
                failures += [f"{one.name}: {failure}" for failure in found]
    return Outcome(part=PART, facts=tuple(facts), failures=tuple(failures))


def _go_through(beaten: list[Beaten], plan: Plan) -> None:
    _wait(beaten, after=0.0, timeout_s=STARTED_S)
    time.sleep(plan.two_beats_s)
    for one in beaten:
        for beat in one.beats:
            one.site.crew.kill(beat)
    time.sleep(plan.beat_down_s)
    for one in beaten:
        for beat in one.beats:
            one.site.crew.restart(beat)
    _wait(beaten, after=time.time(), timeout_s=STARTED_S)


def _wait(beaten: list[Beaten], *, after: float, timeout_s: float) -> None:
    """Return when every trigger has fired for a few slots after that time."""
    names = (TWO_BEATS, *POLICIES)

    def all_fired() -> bool:
        return all(
            sum(slot.at > after and slot.has_fired for slot in slots_of(one.site, name)) >= LEAST
            for one in beaten
            for name in names
        )

    _eventually(all_fired, timeout_s, lambda: "\n".join(one.site.crew.logs() for one in beaten))


def _eventually(holds: Callable[[], bool], timeout_s: float, explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the triggers do not fire\n{explain()}")
        time.sleep(LOOK_S)


def _embedded(plan: Plan, stack: ExitStack) -> Beaten:
    """Return a ``runengine``, which beats, and another beat, on SQLite."""
    folder = plan.folder / "beats-sqlite"
    folder.mkdir()
    site = stack.enter_context(soak_site(folder, sqlite_database(folder)))
    _add(site)
    site.crew.start(engine(*free_ports(3)))
    site.crew.start(celery("beat", name="beat"))
    return Beaten(name="SQLite", site=site, beats=("engine", "beat"))


def _separate(plan: Plan, stack: ExitStack) -> Beaten:
    """Return two beats and a worker on PostgreSQL; raise ServiceUnavailable."""
    folder = plan.folder / "beats-postgres"
    folder.mkdir()
    redis = stack.enter_context(running_redis(folder))
    database = stack.enter_context(postgres_database("beats"))
    urls = {"REDIS_URL": redis.url(0), "CELERY_BROKER_URL": redis.url(1)}
    site = stack.enter_context(soak_site(folder, database, **urls))
    _add(site)
    site.crew.start(celery("worker", "--pool", "threads", "--concurrency", "4", name="worker"))
    site.crew.start(celery("beat", name="beat 1"))
    site.crew.start(celery("beat", name="beat 2"))
    return Beaten(name="PostgreSQL", site=site, beats=("beat 1", "beat 2"))


def _add(site: Site) -> None:
    configs = {policy: {"misfire": policy} for policy in POLICIES}
    # With the config of another it would be the same as that one.
    two_beats = {"misfire": "all", "misfire_window_s": 3600}
    add_triggers(site, {TWO_BEATS: two_beats, **configs})
