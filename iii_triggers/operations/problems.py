"""What needs somebody's attention, found in what the overview shows. No queries here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from iii_triggers.models import Node, Trigger

from .overview import MAX_COUNTED, Backlog, Firing, Process
from .units import age_text

Kind = Node.Kind
SERVING = (Kind.ENGINE, Kind.ASGI, Kind.CELERY)
"""Processes that run functions."""
LATE = timedelta(minutes=1)
MAX_NAMED = 5

CODES = {
    "engine": "no process runs functions",
    "silent": "processes have no heartbeat",
    "late": "deliveries that are due are not run",
    "cron": "cron triggers that are due do not fire",
    "dead": "deliveries are dead",
    "rejected": "triggers are rejected",
    "dropped": "processes had more runs than the history could keep",
}
"""Every kind of problem, in words for the help of a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to look into."""

    code: str
    """A key of ``CODES``."""
    text: str


def of_processes(processes: Sequence[Process]) -> Iterator[Problem]:
    """Yield that nothing runs, or that too much does."""
    if not any(one.is_alive and one.node.kind in SERVING for one in processes):
        text = gettext("No engine is running: start `manage.py runengine`, or your servers.")
        yield Problem(code="engine", text=text)
    silent = [str(one.node) for one in processes if not one.is_alive]
    if silent:
        text = ngettext("%d process is silent: %s.", "%d processes are silent: %s.", len(silent))
        yield Problem(code="silent", text=text % (len(silent), ", ".join(silent[:MAX_NAMED])))
    dropped = sum(one.node.runs_dropped for one in processes)
    if dropped:
        text = gettext("%s runs are not in the history: more ended than it could write.")
        yield Problem(code="dropped", text=text % f"{dropped:,}")


def of_deliveries(backlog: Backlog) -> Iterator[Problem]:
    """Yield what does not move by itself."""
    if _is_late(backlog.due_since):
        text = gettext("Deliveries wait for a process that runs them, for %s now.")
        yield Problem(code="late", text=text % _age(backlog.due_since))
    if backlog.dead:
        text = ngettext("%s delivery is dead.", "%s deliveries are dead.", backlog.dead)
        yield Problem(code="dead", text=text % counted(backlog.dead))


def of_firings(firings: Sequence[Firing]) -> Iterator[Problem]:
    """Yield that no beat fires what is due; ``firings`` start with the next."""
    due = firings[0].at if firings else None
    if _is_late(due):
        text = gettext("Cron triggers do not fire: one is due for %s. Is a beat running?")
        yield Problem(code="cron", text=text % _age(due))


def of_triggers(by_state: Mapping[str, int]) -> Iterator[Problem]:
    """Yield that some triggers cannot work."""
    rejected = by_state.get(Trigger.State.REJECTED, 0)
    if rejected:
        text = ngettext("%d trigger is rejected.", "%d triggers are rejected.", rejected)
        yield Problem(code="rejected", text=text % rejected)


def counted(number: int) -> str:
    """Return a number that was counted up to ``MAX_COUNTED``: ``1,234``, or ``10,000+``."""
    return f"{number:,}" if number <= MAX_COUNTED else f"{MAX_COUNTED:,}+"


def _is_late(since: datetime | None) -> bool:
    return since is not None and timezone.now() - since > LATE


def _age(since: datetime | None) -> str:
    return "" if since is None else age_text((timezone.now() - since).total_seconds())
