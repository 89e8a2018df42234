"""The two publishers of a part, which share the numbers."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import msgspec

from benchmarks.crews import Member
from benchmarks.sites import Site
from tests.e2e.processes import Process

from .orders import Order
from .plan import Plan

MODULES = ("publish_rows", "publish_socket")
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Publishers:
    """The processes that publish."""

    processes: tuple[Process, ...]

    @property
    def are_busy(self) -> bool:
        """Whether there is something left to publish."""
        return any(process.is_running for process in self.processes)

    def finish(self, *, timeout_s: float) -> None:
        """Wait until all is published: what strikes may have kept them from it."""
        deadline = time.monotonic() + timeout_s
        while self.are_busy and time.monotonic() < deadline:
            time.sleep(PAUSE_S)

    def failures(self) -> list[str]:
        """Name those that did not end well."""
        found = [f"{p.name} did not end" for p in self.processes if p.is_running]
        codes = {p.name: p.wait() for p in self.processes if not p.is_running}
        return found + [f"{name} ended with {code}" for name, code in codes.items() if code]


def start_publishers(site: Site, plan: Plan, url: str) -> Publishers:
    """Start them: one writes rows in transactions, the other calls the engine over a socket."""
    orders = [
        Order(
            folder=str(site.folder),
            start=1 + place,
            stop=plan.messages + 1,
            step=len(MODULES),
            pause_s=plan.publishing_s * len(MODULES) / plan.messages,
            seed=plan.seed,
            url=url,
        )
        for place in range(len(MODULES))
    ]
    members = map(_member, MODULES, orders)
    return Publishers(tuple(site.crew.start(member) for member in members))


def _member(module: str, order: Order) -> Member:
    words = ["-m", f"benchmarks.soak.{module}", msgspec.json.encode(order).decode()]
    return Member(name=module, command=[sys.executable, *words])
