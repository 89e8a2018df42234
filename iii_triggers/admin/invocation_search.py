"""What is typed into the search field of the list of runs: an id of some kind, or a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from .text_filter import as_uuid


def search(runs: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Return the runs that ``term`` stands for, in the first of its readings that finds any.

    Each has an index of its own; together they would have none.
    """
    *first, last = _readings(runs, term)
    return next((found for found in first if found.exists()), last)


def _readings(runs: Any, term: str) -> Iterator[QuerySet[Any]]:
    id_ = as_uuid(term)
    if id_ is not None:
        yield runs.filter(pk=id_)
        yield runs.filter(delivery_id=id_)
    yield runs.called(term)
    yield runs.filter(function_id=term)
