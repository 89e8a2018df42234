"""One run: a cluster under load, strikes, and the accounts at the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.cluster.cluster import Cluster, Shape
from benchmarks.databases import postgres_database
from benchmarks.redis_server import RedisServer, running_redis
from benchmarks.sites import Site
from benchmarks.soak.accounts import settle
from benchmarks.soak.plan import Plan as SoakPlan
from benchmarks.soak.publishing import start_publishers
from benchmarks.soak.slots import add_triggers
from benchmarks.soak.subscribers import WORKERS, start_subscribers

from . import cron_account, http_account, news_account, streams_account
from .fleet import FLEET, SOAK_DOOR, SOAKED, start_fleet
from .load import Load
from .outages import Outage
from .requests import HttpLoad
from .streams import followers
from .strikes import REDIS, Strikes

SETTLED_S = 120.0
MESSAGES_PER_S = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and what."""

    seconds: float
    victims: int
    """How many of each kind of process are struck in a round."""
    requests_per_s: float
    seed: int
    folder: Path
    log: Path
    """Takes what all processes write."""
    say: Callable[[str], None]


class Account(Protocol):
    """What one kind of load came to."""

    def facts(self) -> list[str]:
        """Tell what happened."""

    def failures(self) -> list[str]:
        """Name what must not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    facts: dict[str, list[str]]
    failures: dict[str, list[str]]
    outages: list[Outage]
    back_s: dict[str, float]
    failed: list[http_account.Judged]
    """The requests that were not answered as they should be."""


class _Log:
    """Keeps what the processes write, each line with its time and the name of its process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(exist_ok=True)
        path.write_text("")

    def __call__(self, name: str, line: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{time.monotonic():.3f} {name}: {line}\n")


def run(plan: Plan) -> Outcome:
    """Run; raise ServiceUnavailable or SdkUnavailable where something is not to be had."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(plan.folder))
        database = stack.enter_context(postgres_database("kill"))
        site = Site(
            settings="benchmarks.kill.settings",
            folder=plan.folder,
            database=database,
            on_line=_Log(plan.log),
            DEBUG="true",
            REDIS_URL=redis.url(0),
            CELERY_BROKER_URL=redis.url(1),
        )
        stack.enter_context(site)
        cluster = Cluster(site, Shape())
        plan.say("starting the cluster")
        cluster.start()
        return _Run(plan, cluster, redis).outcome()


class _Run:
    """A run on a cluster that is up."""

    def __init__(self, plan: Plan, cluster: Cluster, redis: RedisServer) -> None:
        self._plan = plan
        self._cluster = cluster
        self._site = cluster.site
        self._strikes = Strikes(cluster, redis, random.Random(plan.seed), plan.say)
        lanes = len(cluster.doors) * 7
        http = HttpLoad(cluster.doors, plan.folder, pause_s=lanes / plan.requests_per_s)
        urls = {name: cluster.stream_url(name) for name in cluster.doors}
        self._load = Load(http, followers(urls))

    def outcome(self) -> Outcome:
        """Load, strike, and settle."""
        plan, soak = self._plan, self._soak()
        url = self._cluster.worker_url(SOAK_DOOR)
        start_fleet(self._cluster)
        functions = start_subscribers(self._site, url, soak)
        self._strikes.wait_restored()
        with self._load.running():
            add_triggers(self._site, {cron_account.TRIGGER: {"misfire": "all"}})
            with self._load.requests():
                publishers = start_publishers(self._site, soak, url)
                self._strikes.strike(self._victims(), seconds=plan.seconds)
                time.sleep(2.0)
            plan.say("settling")
            streams = streams_account.account(
                self._load.followers, self._site.database, timeout_s=30.0
            )
        queue = settle(self._site, functions, timeout_s=SETTLED_S)
        made, outages = self._load.http.made, self._strikes.outages
        http = http_account.account(made, outages)
        accounts: dict[str, Account] = {
            "HTTP": http,
            "queue": _Queue(queue.facts(), [*queue.failures(), *publishers.failures()]),
            "cron": cron_account.account(self._site),
            "publish": news_account.account(made, outages, plan.folder),
            "streams": streams,
        }
        facts = {name: one.facts() for name, one in accounts.items()}
        failures = {name: one.failures() for name, one in accounts.items()}
        return Outcome(
            facts={**facts, "registrations": self._strikes.facts},
            failures={**failures, "registrations": self._strikes.failures},
            outages=outages.all,
            back_s=http.back_s,
            failed=list(http.failed),
        )

    def _victims(self) -> list[str]:
        cluster, most = self._cluster, self._plan.victims
        workers = [worker.name for worker in FLEET]
        soaked = [WORKERS[function_id] for function_id in SOAKED]
        kinds = [[*cluster.doors], cluster.celery, cluster.beats, workers, soaked, [REDIS]]
        return [name for kind in kinds for name in kind[:most]]

    def _soak(self) -> SoakPlan:
        seconds = self._plan.seconds
        return SoakPlan(
            messages=int(seconds * MESSAGES_PER_S),
            publishing_s=seconds,
            engine_kills=0,
            rounds=0,
            longest_s=0.0,
            settling_s=SETTLED_S,
            two_beats_s=0.0,
            beat_down_s=0.0,
            seed=self._plan.seed,
            folder=self._plan.folder,
            say=self._plan.say,
        )


@dataclass(frozen=True, slots=True)
class _Queue:
    fact: str
    found: list[str]

    def facts(self) -> list[str]:
        return [self.fact]

    def failures(self) -> list[str]:
        return self.found
