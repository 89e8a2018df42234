"""What ``iii_status`` prints: lines for people, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.operations.overview import MAX_COUNTED, Firing, Process
from iii_triggers.operations.problems import counted
from iii_triggers.operations.status import Status
from iii_triggers.operations.units import age_text, duration_text, percent_text
from iii_triggers.trigger_types.cron.rows import config_of
from iii_triggers.trigger_types.cron.words import in_words

from .terminal import cut, printable

INDENT = 12
MAX_NAME = 60


def lines(status: Status) -> Iterator[str]:
    """Yield a report in lines."""
    yield from _block("Processes", [_process(process) for process in status.processes])
    workers = status.workers
    yield _row("Workers", f"{workers.count:,} connected, {workers.in_flight:,} runs in flight")
    yield _row("Functions", counted(status.functions))
    states = (f"{number:,} {state}" for state, number in status.triggers.items())
    yield _row("Triggers", ", ".join(states))
    yield _row("Deliveries", _deliveries(status))
    yield _row("Last hour", _runs(status))
    yield _row("History", f"{status.runs_dropped:,} runs not kept")
    yield from _block("Next cron", [_firing(firing) for firing in status.firings])


def as_json(status: Status, *, failing: set[str]) -> dict[str, Any]:
    """Return a report as JSON; ``failing`` are the codes of problems that must not be.

    Times are ISO 8601 in UTC, ages seconds. Numbers of deliveries and functions over ``limit`` are
    ``limit`` + 1.
    """
    backlog, hour = status.backlog, status.hour
    return {
        "ok": not any(problem.code in failing for problem in status.problems),
        "problems": [{"code": one.code, "text": one.text} for one in status.problems],
        "processes": [_process_json(process) for process in status.processes],
        "workers": {"count": status.workers.count, "in_flight": status.workers.in_flight},
        "functions": status.functions,
        "triggers": dict(status.triggers),
        "deliveries": {
            "waiting": backlog.waiting,
            "running": backlog.running,
            "retrying": backlog.retrying,
            "held": backlog.held,
            "dead": backlog.dead,
            "oldest_waiting_s": _age_s(status, backlog.oldest_waiting),
            "due_for_s": _age_s(status, backlog.due_since),
        },
        "limit": MAX_COUNTED,
        "last_hour": {
            "runs": hour.count,
            "failed": hour.failed,
            "p50_ms": round(hour.p50_ms, 3),
            "p95_ms": round(hour.p95_ms, 3),
        },
        "runs_dropped": status.runs_dropped,
        "next_firings": [_firing_json(firing) for firing in status.firings],
    }


def _block(title: str, rows: list[str]) -> Iterator[str]:
    for number, row in enumerate(rows or ["none"]):
        yield _row("" if number else title, row)


def _row(title: str, text: str) -> str:
    return f"{title:<{INDENT}}{text}"


def _process(process: Process) -> str:
    node = process.node
    place = printable(f"{node.host}:{node.pid}")
    heartbeat = f"heartbeat {age_text(process.heartbeat_age_s)} ago"
    work = (
        f"{process.workers:,} workers, {process.in_flight:,} in flight" if process.workers else ""
    )
    silent = "" if process.is_alive else "SILENT"
    draining = "draining" if node.draining_since else ""
    return "  ".join(filter(None, (f"{node.kind:<7} {place}", heartbeat, work, silent, draining)))


def _deliveries(status: Status) -> str:
    backlog = status.backlog
    oldest_s = _age_s(status, backlog.oldest_waiting)
    oldest = "" if oldest_s is None else f" (oldest {age_text(oldest_s)})"
    numbers = {
        f"waiting{oldest}": backlog.waiting,
        "running": backlog.running,
        "to be retried": backlog.retrying,
        "held": backlog.held,
        "dead": backlog.dead,
    }
    return ", ".join(f"{counted(number)} {name}" for name, number in numbers.items())


def _runs(status: Status) -> str:
    hour = status.hour
    if not hour.count:
        is_off = settings.III_HISTORY == "off"
        return "not known: the history is off" if is_off else "no runs"
    share = percent_text(hour.failed / hour.count)
    p50, p95 = duration_text(hour.p50_ms), duration_text(hour.p95_ms)
    return f"{hour.count:,} runs, {hour.failed:,} failed ({share}), p50 {p50}, p95 {p95}"


def _firing(firing: Firing) -> str:
    config = config_of(firing.trigger)
    words = in_words(config.schedule.expression) if config is not None else ""
    local = timezone.localtime(firing.at)
    return (
        f"{local:%Y-%m-%d %H:%M:%S}  {cut(firing.trigger.function_id, MAX_NAME)}  {words}".rstrip()
    )


def _process_json(process: Process) -> dict[str, Any]:
    node = process.node
    return {
        "node_id": node.node_id,
        "kind": node.kind,
        "host": node.host,
        "pid": node.pid,
        "started_at": node.started_at.isoformat(),
        "heartbeat_age_s": round(process.heartbeat_age_s, 3),
        "alive": process.is_alive,
        "draining": node.draining_since is not None,
        "workers": process.workers,
        "in_flight": process.in_flight,
        "runs_dropped": node.runs_dropped,
    }


def _firing_json(firing: Firing) -> dict[str, Any]:
    trigger = firing.trigger
    return {
        "at": firing.at.isoformat(),
        "trigger_id": trigger.trigger_id,
        "namespace": trigger.namespace,
        "function_id": trigger.function_id,
    }


def _age_s(status: Status, since: Any) -> float | None:
    return None if since is None else round((status.at - since).total_seconds(), 3)
