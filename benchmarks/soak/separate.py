"""A process for each task on PostgreSQL and Redis; any of them may be killed at any moment."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.crews import Member
from benchmarks.databases import postgres_database
from benchmarks.redis_server import RedisServer, running_redis
from benchmarks.sites import Site, celery
from tests.e2e.processes import free_ports

from .accounts import settle
from .plan import Outcome, Plan
from .publishing import start_publishers
from .sites import soak_site
from .strikes import Strike, Weather, strike
from .subscribers import WORKERS, start_subscribers

PART = "separate processes, PostgreSQL + Redis"
CALM_S = (0.5, 4.0)
DOWN_S = (0.0, 2.0)
LOGGED = 40


def run(plan: Plan) -> Outcome:
    """Kill everything at random. Raise ServiceUnavailable without PostgreSQL or Redis."""
    folder = plan.folder / "separate"
    folder.mkdir()
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(folder))
        database = stack.enter_context(postgres_database("soak"))
        site = soak_site(folder, database, REDIS_URL=redis.url(0), CELERY_BROKER_URL=redis.url(1))
        stack.enter_context(site)
        return _run(plan, site, redis, plan.chance(PART))


def _run(plan: Plan, site: Site, redis: RedisServer, chance: random.Random) -> Outcome:
    (port,) = free_ports(1)
    url = f"ws://127.0.0.1:{port}/iii/worker"
    members = [*_members(port)]
    for member in members:
        site.crew.start(member)
    functions = start_subscribers(site, url, plan)
    publishers = start_publishers(site, plan, url)
    names = [member.name for member in members]
    names += [process for function_id, process in WORKERS.items() if function_id in functions]
    strikes = [*_kills(site, names, chance), *_redis_strikes(redis, chance)]
    weather = Weather(least=plan.rounds * len(strikes), calm_s=CALM_S, longest_s=plan.longest_s)
    happened = strike(strikes, weather, chance, busy=lambda: publishers.are_busy)
    publishers.finish(timeout_s=plan.settling_s)
    account = settle(site, functions, timeout_s=plan.settling_s)
    struck = ", ".join(f"{name} {count}" for name, count in sorted(happened.items()))
    failures = [*account.failures(), *publishers.failures()]
    return Outcome(
        part=PART, facts=(account.facts(), f"struck: {struck}"), failures=tuple(failures)
    )


def _members(port: int) -> Iterator[Member]:
    asgi = [sys.executable, "-m", "uvicorn", "iii_project.asgi:application"]
    asgi += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    yield Member(name="ASGI server", command=asgi)
    threads = ("worker", "--pool", "threads", "--concurrency", "8", "--hostname", "threads@%h")
    yield celery(*threads, name="Celery threads")
    prefork = ("worker", "--pool", "prefork", "--concurrency", "2", "--hostname", "prefork@%h")
    yield celery(*prefork, name="Celery prefork")
    yield celery("beat", name="beat 1")
    yield celery("beat", name="beat 2")


def _kills(site: Site, names: Sequence[str], chance: random.Random) -> Iterator[Strike]:
    def kill(name: str) -> None:
        site.crew.kill(name)
        time.sleep(chance.uniform(*DOWN_S))
        site.crew.restart(name)

    for name in names:
        yield Strike(name=name, hit=partial(kill, name))
    child = partial(site.crew.kill_child, "Celery prefork", chance)
    yield Strike(name="pool child", hit=child)


def _redis_strikes(redis: RedisServer, chance: random.Random) -> Iterator[Strike]:
    def kill() -> None:
        redis.kill()
        time.sleep(chance.uniform(*DOWN_S))
        redis.start()

    yield Strike(name="Redis flushed", hit=redis.flush)
    yield Strike(name="Redis killed", hit=kill)
