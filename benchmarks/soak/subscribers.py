"""The workers that subscribe: one on the client of this package, one on the npm package."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crews import Member
from benchmarks.engine import NODE_SDK
from benchmarks.sites import Site
from tests.e2e.environments import SdkUnavailable

from .plan import Plan
from .topic import TOPIC

SITE, PYTHON, NODE = "soak.site", "soak.python", "soak.node"
WORKERS = {PYTHON: "python worker", NODE: "node worker"}
"""Function to process."""

SUBSCRIBE_S = 120.0
LOOK_S = 0.2
SUBSCRIBED = f"SELECT function_id FROM iii_triggers_subscription WHERE topic = '{TOPIC}'"


def start_subscribers(site: Site, url: str, plan: Plan) -> list[str]:
    """Start the workers that this machine has; return all functions once they are subscribed."""
    functions = [SITE, PYTHON]
    site.crew.start(_python_worker(url, site.folder))
    try:
        site.crew.start(_node_worker(url, site.folder))
        functions.append(NODE)
    except SdkUnavailable as reason:
        plan.say(f"  without Node: {reason}")
    wait_subscribed(site, functions)
    return functions


def wait_subscribed(site: Site, functions: Sequence[str]) -> None:
    """Return when exactly these functions are subscribed; raise TimeoutError."""
    deadline = time.monotonic() + SUBSCRIBE_S
    while (found := {row[0] for row in site.database.query(SUBSCRIBED)}) != set(functions):
        if time.monotonic() > deadline:
            raise TimeoutError(f"subscribed are {found}\n{site.crew.logs()}")
        time.sleep(LOOK_S)


def _python_worker(url: str, folder: Path) -> Member:
    command = [sys.executable, "-m", "benchmarks.soak.worker", url, str(folder)]
    return Member(name=WORKERS[PYTHON], command=command)


def _node_worker(url: str, folder: Path) -> Member:
    """Raise SdkUnavailable where Node or the package cannot be had."""
    node = NODE_SDK.command()[0]
    source = Path(__file__).with_name("worker.mjs")
    # Beside node_modules: that is where Node looks for what a program imports.
    program = NODE_SDK.home / "soak_worker.mjs"
    program.write_bytes(source.read_bytes())
    return Member(name=WORKERS[NODE], command=[node, str(program), url, str(folder), TOPIC])
