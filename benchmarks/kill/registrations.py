"""Is everything registered that should be, as the database tells?"""

from __future__ import annotations

from collections import Counter

from benchmarks.cluster.cluster import Cluster

from .fleet import FLEET, SOAK_DOOR, SOAKED

OFFERS = (
    "SELECT f.function_id, n.pid FROM iii_triggers_function f "
    "JOIN iii_triggers_worker w ON w.worker_id = f.worker_id "
    "JOIN iii_triggers_node n ON n.node_id = w.node_id"
)
BINDINGS = (
    "SELECT t.trigger_type, t.function_id FROM iii_triggers_trigger t "
    "WHERE t.source = 'worker' AND t.state = 'active'"
)
NODES = "SELECT pid FROM iii_triggers_node"

Expected = tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]


def missing(cluster: Cluster) -> str:
    """Say what is not as it should be; "" is nothing."""
    offers, bindings = _expected()
    pids = {pid: name for name in cluster.names for pid in cluster.site.crew.pids(name)}
    query = cluster.site.database.query
    found_offers = Counter((function, pids.get(pid, "gone")) for function, pid in query(OFFERS))
    found_bindings = Counter((type_, function) for type_, function in query(BINDINGS))
    strangers = [pid for (pid,) in query(NODES) if pid not in pids]
    problems = {
        "functions missing": offers - found_offers,
        "functions too many": found_offers - offers,
        "triggers missing": bindings - found_bindings,
        "triggers too many": found_bindings - bindings,
        "dead nodes": strangers,
    }
    return "; ".join(f"{what}: {list(which)}" for what, which in problems.items() if which)


def _expected() -> Expected:
    offers: Counter[tuple[str, str]] = Counter()
    bindings: Counter[tuple[str, str]] = Counter()
    for worker in FLEET:
        offers.update((function, worker.door) for function in worker.functions)
        offers[worker.subscriber, worker.door] += 1
        bindings.update(("http", function) for function in worker.functions)
        bindings["subscribe", worker.subscriber] += 1
    for function in SOAKED:
        offers[function, SOAK_DOOR] += 1
        bindings["queue", function] += 1
    return offers, bindings
