"""What the dashboard shows, as values for its template. Each panel reads its rows itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.admin.formatting import NOTHING
from iii_triggers.admin.invocation_texts import ago
from iii_triggers.admin.links import delivery_list_url
from iii_triggers.admin.live_links import list_url
from iii_triggers.admin.plots import Drawing
from iii_triggers.engine.history.traffic import Total, last_failures, total
from iii_triggers.models import Delivery, Invocation, Node, Trigger, Worker
from iii_triggers.operations import overview, problems
from iii_triggers.operations.problems import Problem, counted
from iii_triggers.operations.spans import Span
from iii_triggers.operations.units import age_text, duration_text, percent_text, short_number
from iii_triggers.trigger_types.cron.rows import config_of
from iii_triggers.trigger_types.cron.words import in_words

from .traffic_plots import traffic_plots

FAILURES = 10
FIRINGS = 5
NEWEST = 5
PROCESSES = 20

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number in large print."""

    label: str | Promise
    value: str
    url: str = ""
    note: str = ""
    is_alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A part of the page: what is wrong, numbers, and whatever its template lists."""

    problems: Sequence[Problem] = ()
    tiles: Sequence[Tile] = ()
    rows: Sequence[Any] = ()
    plots: Sequence[Drawing] = ()
    is_idle: bool = False
    """Whether nothing has happened that could be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFiring:
    """A cron trigger, when it fires next, and its schedule in words if there are some."""

    trigger: Trigger
    at: str
    waits: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A run that failed, and when it started."""

    run: Invocation
    at: str


def runs(span: Span, now: datetime) -> Panel:
    """Return the traffic of a span that ends now; the failures are the last ones of all times."""
    types = overview.runs(span, now)
    whole = total(types)
    return Panel(
        tiles=list(_traffic_tiles(whole, span)),
        plots=traffic_plots(types, span=span, now=now),
        rows=[Failure(run=run, at=_clock(run.started_at)) for run in last_failures(FAILURES)],
        is_idle=not whole.count,
    )


def deliveries() -> Panel:
    """Return how many deliveries are where."""
    backlog = overview.backlog()
    return Panel(
        problems=list(problems.of_deliveries(backlog)), tiles=list(_delivery_tiles(backlog))
    )


def triggers() -> Panel:
    """Return what fires next, and how many triggers there are."""
    by_state = overview.triggers_by_state()
    firings = overview.next_firings(FIRINGS)
    active = Tile(
        label=_("active triggers"),
        value=str(by_state[Trigger.State.ACTIVE]),
        url=list_url(Trigger, "state__exact=active"),
    )
    return Panel(
        problems=[*problems.of_triggers(by_state), *problems.of_firings(firings)],
        tiles=[active],
        rows=[_next_firing(firing) for firing in firings],
    )


def workers() -> Panel:
    """Return the workers that connected last, and how many there are."""
    connected = overview.workers(newest=NEWEST)
    tiles = [
        Tile(label=_("workers"), value=str(connected.count), url=list_url(Worker, "")),
        Tile(label=_("in flight"), value=str(connected.in_flight)),
    ]
    rows = [(worker, _clock(worker.connected_at)) for worker in connected.newest]
    return Panel(tiles=tiles, rows=rows)


def processes() -> Panel:
    """Return the processes of the engine."""
    rows = overview.processes()
    alive = sum(row.is_alive for row in rows)
    return Panel(
        problems=list(problems.of_processes(rows)),
        tiles=[Tile(label=_("processes"), value=str(alive), url=list_url(Node, ""))],
        rows=[(row, ago(row.node.heartbeat_at)) for row in rows[:PROCESSES]],
    )


def _traffic_tiles(whole: Total, span: Span) -> Iterator[Tile]:
    share = whole.failed / whole.count if whole.count else 0.0
    yield Tile(
        label=_("runs"),
        value=short_number(whole.count),
        url=list_url(Invocation, f"started={span.id}"),
    )
    yield Tile(
        label=_("failed"),
        value=percent_text(share),
        note=str(whole.failed) if whole.failed else "",
        url=list_url(Invocation, f"status=failed&started={span.id}"),
        is_alarming=bool(whole.failed),
    )
    for label, duration_ms in ((_("median (p50)"), whole.p50_ms), (_("p95"), whole.p95_ms)):
        yield Tile(label=label, value=duration_text(duration_ms) if whole.count else NOTHING)


def _delivery_tiles(backlog: overview.Backlog) -> Iterator[Tile]:
    oldest = backlog.oldest_waiting
    note = gettext("oldest %s") % age_text(_age_s(oldest)) if oldest else ""
    waiting = _delivery_tile(_("waiting"), backlog.waiting, State.QUEUED, note=note)
    yield from (
        waiting,
        _delivery_tile(_("running"), backlog.running, State.LEASED),
        _delivery_tile(_("to be retried"), backlog.retrying, State.RETRY),
        _delivery_tile(_("held"), backlog.held, State.HELD),
        _delivery_tile(_("dead"), backlog.dead, State.DEAD),
    )


def _delivery_tile(label: str | Promise, number: int, state: State, *, note: str = "") -> Tile:
    return Tile(
        label=label,
        value=counted(number),
        url=delivery_list_url(state=state.value),
        note=note,
        is_alarming=state == State.DEAD and number > 0,
    )


def _next_firing(firing: overview.Firing) -> NextFiring:
    config = config_of(firing.trigger)
    waits_s = -_age_s(firing.at)
    return NextFiring(
        trigger=firing.trigger,
        at=_clock(firing.at),
        waits=gettext("in %s") % age_text(waits_s) if waits_s >= 0 else gettext("now"),
        words=in_words(config.schedule.expression) if config is not None else "",
    )


def _clock(moment: datetime) -> str:
    """Return a time of today to the second, any other with its date to the minute."""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return date_format(local, "H:i:s" if is_today else "Y-m-d H:i")


def _age_s(moment: datetime) -> float:
    return (timezone.now() - moment).total_seconds()
