"""Route tables for tests."""

from iii_triggers.trigger_types.http.candidates import Candidate
from iii_triggers.trigger_types.http.routes import RouteTable


def candidate(trigger_id, **values):
    defaults = {
        "function_id": trigger_id,
        "namespace": "default",
        "is_worker_owned": True,
        "target": trigger_id,
    }
    return Candidate(key=trigger_id, trigger_id=trigger_id, **{**defaults, **values})


def table_of(*routes):
    """A table of ``"GET users/:id"`` texts, each its own trigger id and target."""
    table = RouteTable()
    for route in routes:
        method, _, pattern = route.partition(" ")
        table.add(method, pattern, candidate(route))
    return table
