"""A rolled-back message never was; a committed one runs, also if its process dies at once."""

from __future__ import annotations

import signal

from benchmarks.databases import sqlite_database
from benchmarks.notes import notes
from benchmarks.sites import engine
from tests.e2e.processes import free_ports

from .accounts import settle
from .plan import Outcome, Plan
from .sites import soak_site
from .subscribers import SITE, wait_subscribed
from .topic import TOPIC

PART = "rollback and commit"
MESSAGES = 20
WRITTEN = f"SELECT COUNT(*) FROM iii_triggers_delivery WHERE topic = '{TOPIC}'"


def run(plan: Plan) -> Outcome:
    """Roll back, then commit and die before the message to the broker; then start an engine."""
    folder = plan.folder / "rollback"
    folder.mkdir()
    with soak_site(folder, sqlite_database(folder)) as site:
        site.crew.start(engine(*free_ports(3)))
        wait_subscribed(site, [SITE])
        site.crew.kill("engine")
        died = site.try_run("-m", "benchmarks.soak.commit_and_die", str(MESSAGES))
        ((written,),) = site.database.query(WRITTEN)
        site.crew.restart("engine")
        account = settle(site, [SITE], timeout_s=plan.settling_s)
        ran = notes(folder, SITE)
    facts = (f"{MESSAGES} rolled back: {written - MESSAGES} written", account.facts())
    return Outcome(
        part=PART,
        facts=facts,
        failures=tuple(_failures(died.returncode, written, ran, account.failures())),
    )


def _failures(code: int, written: int, ran: list[int], others: list[str]) -> list[str]:
    found = list(others)
    if code != -signal.SIGKILL:
        found.append(f"the publisher ended with {code}, not by SIGKILL")
    if written != MESSAGES:
        found.append(f"{written} messages were written, not {MESSAGES}")
    if sorted(ran) != list(range(1, MESSAGES + 1)):
        found.append(f"ran: {sorted(ran)}")
    return found
