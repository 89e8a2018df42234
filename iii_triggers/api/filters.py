"""Parameters that narrow a list: each view names its own, and no others are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.settings import api_settings

from iii_triggers.models.ordered_ids import EPOCH, least_id_at
from iii_triggers.operations.bounded_scan import Index

from .problems import bad_parameter

MAX_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One parameter of a list."""

    lookup: str
    """The lookup of the ORM it is for."""

    read: Callable[[str], Any]
    """Returns the value in the text; raises ValueError with what is wrong."""

    schema: Mapping[str, Any]
    description: str = ""
    index: Index = Index.ORDERED
    """What the database has for it; counts in long lists only."""

    def index_for(self, value: Any) -> Index:
        """Return what the database has for this value."""
        return self.index

    def narrow(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Return those of ``rows`` that the parameter asks for."""
        return rows.filter(**{self.lookup: value})


def text(lookup: str, description: str = "", *, index: Index = Index.ORDERED) -> Filter:
    """Return a filter that looks for exactly one text."""
    schema = {"type": "string", "maxLength": MAX_LENGTH}
    return Filter(lookup=lookup, read=_text, schema=schema, description=description, index=index)


def choice(lookup: str, values: Sequence[str], description: str = "") -> Filter:
    """Return a filter for one of a few words."""
    schema = {"type": "string", "enum": list(values)}
    return Filter(lookup=lookup, read=one_of(values), schema=schema, description=description)


def one_of(values: Sequence[str]) -> Callable[[str], str]:
    """Return what reads one of a few words."""

    def read(given: str) -> str:
        if given not in values:
            raise ValueError(f"It must be one of {', '.join(values)}.")
        return given

    return read


def boolean(lookup: str, description: str = "") -> Filter:
    """Return a filter for ``true`` or ``false``."""

    def read(given: str) -> bool:
        if given not in ("true", "false"):
            raise ValueError("It must be true or false.")
        return given == "true"

    return Filter(lookup=lookup, read=read, schema={"type": "boolean"}, description=description)


def uuid(lookup: str, description: str = "", *, index: Index = Index.ORDERED) -> Filter:
    """Return a filter for an id that is a UUID."""

    def read(given: str) -> UUID:
        try:
            return UUID(given)
        except ValueError as error:
            raise ValueError("It must be a UUID.") from error

    schema = {"type": "string", "format": "uuid"}
    return Filter(lookup=lookup, read=read, schema=schema, description=description, index=index)


def moment(lookup: str, description: str = "") -> Filter:
    """Return a filter for a date and time, by ids that sort by time; UTC unless it says more.

    ``lookup`` is one of the id, such as ``id__gte``.
    """
    schema = {"type": "string", "format": "date-time"}
    return Filter(
        lookup=lookup, read=_id_at, schema=schema, description=description, index=Index.RANGE
    )


class ParameterFilter(BaseFilterBackend):
    """Applies the ``filters`` of a view: parameter to Filter."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        """Narrow ``queryset``. Raise Problem for a parameter nobody knows, and for a bad value."""
        for name, value in values(request, view).items():
            queryset = view.filters[name].narrow(queryset, value)
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters."""
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": known.description,
                "schema": dict(known.schema),
            }
            for name, known in view.filters.items()
        ]


def values(request: Request, view: Any) -> dict[str, Any]:
    """Return what was asked for, as values. Raise Problem."""
    filters: Mapping[str, Filter] = view.filters
    found = {}
    for name, given in request.query_params.lists():
        if name in filters:
            found[name] = _value(name, given, filters[name])
        elif name not in _of_every_list():
            raise bad_parameter(name[:MAX_LENGTH], f"Known are {', '.join(filters)}.")
    return found


def _of_every_list() -> tuple[str, ...]:
    return ("cursor", "page_size", api_settings.URL_FORMAT_OVERRIDE or "")


def _value(name: str, given: Sequence[str], known: Filter) -> Any:
    if len(given) > 1:
        raise bad_parameter(name, "It must be there once only.")
    try:
        return known.read(given[0])
    except ValueError as error:
        raise bad_parameter(name, str(error)) from error


def _text(given: str) -> str:
    if "\0" in given or len(given) > MAX_LENGTH:
        raise ValueError(f"It must have at most {MAX_LENGTH} characters, and none that is NUL.")
    return given


def _id_at(given: str) -> UUID:
    try:
        parsed = parse_datetime(given)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ValueError("It must be a date and time such as 2026-01-31T12:00:00Z.")
    moment = parsed if timezone.is_aware(parsed) else timezone.make_aware(parsed, UTC)
    return least_id_at(max(moment, EPOCH))
