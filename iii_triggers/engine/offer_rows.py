"""Rows of functions, written many at a time: a thousand workers may come at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iii_triggers.models import Function

from .functions import FunctionInfo
from .worker_rows import known_workers

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OfferWrite:
    """Writes the row of one offer of a worker; ``write_offers`` does the same for many."""

    info: FunctionInfo
    worker_id: str

    def __call__(self) -> None:
        """Write this row alone."""
        upsert_function(self.info, worker_id=self.worker_id)


def write_offers(writes: Sequence[OfferWrite]) -> None:
    """Write the rows of offers whose workers have one."""
    for start in range(0, len(writes), ROWS_AT_ONCE):
        _write_some(writes[start : start + ROWS_AT_ONCE])


def upsert_function(info: FunctionInfo, *, worker_id: str | None) -> None:
    """Write the row of a function: a worker's offer, or one of the site (no worker)."""
    if worker_id is not None and not known_workers([worker_id]):
        return
    Function.objects.update_or_create(
        namespace=info.namespace,
        function_id=info.function_id,
        worker_id=worker_id,
        defaults=_described(info),
    )


def _write_some(writes: Sequence[OfferWrite]) -> None:
    known = known_workers(write.worker_id for write in writes)
    rows = [_row(write) for write in writes if write.worker_id in known]
    if rows:
        Function.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["namespace", "function_id", "worker"],
            update_fields=list(_described(writes[0].info)),
        )


def _row(write: OfferWrite) -> Function:
    info = write.info
    return Function(
        namespace=info.namespace,
        function_id=info.function_id,
        worker_id=write.worker_id,
        **_described(info),
    )


def _described(info: FunctionInfo) -> dict[str, Any]:
    return {
        "description": info.description or "",
        "request_format": info.request_format,
        "response_format": info.response_format,
        "metadata": info.metadata,
        "invocation": info.invocation,
    }
