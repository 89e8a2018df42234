"""The metrics themselves: what is known of a process and of all of them, as Prometheus has it.

``docs/monitoring.md`` lists every one.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from iii_triggers.engine.core import Engine
from iii_triggers.engine.history.buckets import FIRST_MS, PER_DOUBLING
from iii_triggers.engine.history.counts import MAX_TYPES, OTHER, RunCounts

from .shared import Shared

CALL = "call"
"""Stands for the trigger type of a run that no trigger made."""
DOUBLINGS = range(1, 20)
"""The buckets of durations: from 0.2 ms, each twice as long as the one before, to 52 s."""


def of_process(engine: Engine) -> Iterator[Metric]:
    """Yield what the engine of a process keeps. Runs on its loop."""
    yield InfoMetricFamily("iii_build", "The process that answers.", value=_build(engine))
    yield from _runs(engine.history.counts)
    yield _gauge("iii_invocations_in_flight", "Calls that wait.", engine.invoker.in_flight)
    spoke = sum(connection.spoke for connection in engine.connections.values())
    yield _gauge("iii_workers_connected", "Workers connected to this process.", spoke)
    yield _functions(engine)
    yield _triggers(engine)
    lag = engine.loop_lag.worst_s
    yield _gauge("iii_event_loop_lag_seconds", "Longest delay of the loop in 30 s.", lag)
    history = engine.history
    yield _counter("iii_history_dropped", "Runs that the history did not keep.", history.dropped)
    yield _gauge("iii_history_waiting", "Runs that wait to be written.", history.waiting)
    missed = engine.network.missed
    yield _counter("iii_broadcasts_missed", "Lost messages of nodes to all others.", missed)


def of_all(shared: Shared | None) -> Iterator[Metric]:
    """Yield what all processes share; without an answer of the database, that there was none."""
    is_up = shared is not None
    yield _gauge("iii_database_up", "Whether the database answered in time.", int(is_up))
    if shared is None:
        return
    yield _by("iii_deliveries", "Deliveries, up to 10001.", "state", shared.deliveries)
    yield _gauge("iii_deliveries_oldest_seconds", "Age of the oldest waiting.", shared.oldest_s)
    yield _gauge("iii_deliveries_lag_seconds", "How late the oldest due one is.", shared.late_s)
    yield _gauge("iii_cron_lag_seconds", "How late the next firing is.", shared.cron_late_s)
    yield _by("iii_nodes", "Processes with a recent heartbeat.", "kind", shared.nodes)
    yield _gauge("iii_nodes_draining", "Processes that stop.", shared.draining)


def _runs(counts: RunCounts) -> Iterator[Metric]:
    ended: Counter[tuple[str, str]] = Counter()
    durations: dict[str, list[int]] = {}
    sums_ms: dict[str, float] = {}
    for type_id, outcome, tally in counts.tallies():
        label = type_id or CALL
        ended[label, outcome] += sum(tally.durations)
        known = durations.get(label, [0] * len(tally.durations))
        durations[label] = [one + other for one, other in zip(known, tally.durations, strict=True)]
        sums_ms[label] = sums_ms.get(label, 0.0) + tally.total_ms
    total = CounterMetricFamily("iii_invocations", "Runs that ended.", labels=["type", "outcome"])
    for (label, outcome), count in sorted(ended.items()):
        total.add_metric([label, outcome], count)
    yield total
    yield _histogram(durations, sums_ms)
    yield _by_function(counts)


def _histogram(durations: Mapping[str, Sequence[int]], sums_ms: Mapping[str, float]) -> Metric:
    family = HistogramMetricFamily(
        "iii_invocation_duration_seconds", "How long runs took.", labels=["type"]
    )
    for label, counts in sorted(durations.items()):
        buckets = [
            (f"{FIRST_MS * 2**n / 1000:g}", float(sum(counts[: n * PER_DOUBLING + 1])))
            for n in DOUBLINGS
        ]
        family.add_metric([label], [*buckets, ("+Inf", sum(counts))], sums_ms[label] / 1000)
    return family


def _by_function(counts: RunCounts) -> Metric:
    family = CounterMetricFamily(
        "iii_function_invocations",
        "Runs that ended, of the first III_METRICS_FUNCTIONS functions.",
        labels=["namespace", "function", "outcome"],
    )
    for labels, count in sorted(counts.by_function.items()):
        family.add_metric(labels, count)
    return family


def _functions(engine: Engine) -> Metric:
    local = Counter(function.is_builtin for function in engine.functions.local())
    offered = len({offer.info.key for offer in engine.functions.all_offers()})
    numbers = {"worker": offered, "site": local[False], "builtin": local[True]}
    return _by("iii_functions", "Functions that this process runs.", "provider", numbers)


def _triggers(engine: Engine) -> Metric:
    counted = Counter((e.trigger.trigger_type, e.state) for e in engine.triggers.entries())
    types = Counter({type_id: 0 for type_id, _ in counted})
    for (type_id, _), count in counted.items():
        types[type_id] += count
    named = {type_id for type_id, _ in types.most_common(MAX_TYPES)}
    family = GaugeMetricFamily(
        "iii_triggers", "Triggers that this process knows.", labels=["type", "state"]
    )
    sums: Counter[tuple[str, str]] = Counter()
    for (type_id, state), count in counted.items():
        sums[type_id if type_id in named else OTHER, state] += count
    for labels, count in sorted(sums.items()):
        family.add_metric(labels, count)
    return family


def _build(engine: Engine) -> dict[str, str]:
    return {
        "version": _version(),
        "node_id": engine.node.node_id,
        "kind": str(engine.node.kind),
        "python": platform.python_version(),
    }


def _version() -> str:
    try:
        return version("iii-triggers")
    except PackageNotFoundError:
        return ""


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _by(name: str, text: str, label: str, numbers: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family
