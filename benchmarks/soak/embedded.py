"""One process on SQLite, without a broker, killed again and again while messages flow."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from benchmarks.crews import Crew
from benchmarks.databases import sqlite_database
from benchmarks.sites import Site, engine
from tests.e2e.processes import free_ports

from .accounts import settle
from .plan import Outcome, Plan
from .publishing import start_publishers
from .sites import soak_site
from .strikes import Strike, Weather, strike
from .subscribers import start_subscribers

PART = "embedded, SQLite"
CALM_S = (0.2, 5.0)
STARTING_S = (0.3, 3.0)
WHILE_STARTING = 0.2


def run(plan: Plan) -> Outcome:
    """Kill ``runengine`` at random moments; the workers and publishers go on."""
    folder = plan.folder / "embedded"
    folder.mkdir()
    with soak_site(folder, sqlite_database(folder)) as site:
        return _run(plan, site, plan.chance(PART))


def _run(plan: Plan, site: Site, chance: random.Random) -> Outcome:
    site_port, http_port, worker_port = free_ports(3)
    url = f"ws://127.0.0.1:{worker_port}"
    site.crew.start(engine(site_port, http_port, worker_port))
    functions = start_subscribers(site, url, plan)
    publishers = start_publishers(site, plan, url)
    weather = Weather(least=plan.engine_kills, calm_s=CALM_S, longest_s=plan.longest_s)
    killed = strike(_strikes(site.crew, chance), weather, chance, busy=lambda: publishers.are_busy)
    publishers.finish(timeout_s=plan.settling_s)
    account = settle(site, functions, timeout_s=plan.settling_s)
    facts = (account.facts(), f"engine killed {killed.total()} times")
    failures = [*account.failures(), *publishers.failures()]
    return Outcome(part=PART, facts=facts, failures=tuple(failures))


def _strikes(crew: Crew, chance: random.Random) -> Sequence[Strike]:
    def kill() -> None:
        crew.kill("engine")
        if chance.random() < WHILE_STARTING:
            crew.restart("engine")
            time.sleep(chance.uniform(*STARTING_S))
            crew.kill("engine")
        crew.restart("engine", is_awaited=True)

    return [Strike(name="engine", hit=kill)]
