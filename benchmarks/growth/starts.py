"""How long an engine with many stored triggers takes to start, and a server to answer."""

from __future__ import annotations

import http.client
import sys
import time
from contextlib import suppress

import msgspec

from benchmarks.crews import Member
from benchmarks.databases import Database
from benchmarks.sites import Site
from tests.e2e.processes import READY_S, free_ports

from .one_start import Start
from .plan import Plan, path_of

PAUSE_S = 0.02
BODY = b'{"name":"Ada"}'


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """Starts on one database. ``answered_s`` is from the command line to the first answer."""

    starts: list[Start]
    answered_s: float


def measure_starts(database: Database, plan: Plan) -> Starts:
    """Fill a database and start on it, in processes of their own."""
    folder = plan.folder / ("sqlite" if database.is_sqlite else "postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    with Site(settings="benchmarks.settings", folder=folder, database=database) as site:
        site.run("-m", "benchmarks.growth.fill", str(plan.triggers), timeout_s=120)
        return Starts(
            starts=[_start(site, plan) for _ in range(plan.rounds)],
            answered_s=round(_first_answer(site, plan), 2),
        )


def _start(site: Site, plan: Plan) -> Start:
    printed = site.run("-m", "benchmarks.growth.one_start", timeout_s=120)
    start = msgspec.json.decode(printed, type=Start)
    if start.triggers < plan.triggers:
        raise RuntimeError(f"only {start.triggers} triggers are active")
    return start


def _first_answer(site: Site, plan: Plan) -> float:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "--no-access-log", "--port", str(port)]
    began = time.perf_counter()
    site.crew.start(Member(name="uvicorn", command=[*command, "iii_project.asgi:application"]))
    while not _answers(port, f"/iii/http/{path_of(plan.triggers - 1)}"):
        if time.perf_counter() - began > READY_S:
            raise RuntimeError(f"uvicorn does not answer\n{site.crew.logs()}")
        time.sleep(PAUSE_S)
    return time.perf_counter() - began


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_S)
    with suppress(ConnectionError):
        connection.request("POST", path, BODY, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    return False
