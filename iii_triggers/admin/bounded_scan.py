"""How far back a list looks: what the admin's lists share with those of the REST API."""

from iii_triggers.operations.bounded_scan import (
    Index,
    Narrowing,
    is_direct,
    scan_bound,
    without_index_order,
)

__all__ = ["Index", "Narrowing", "is_direct", "scan_bound", "without_index_order"]
