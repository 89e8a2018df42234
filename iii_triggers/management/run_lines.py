"""A run as ``iii_tail`` prints it: one line for people, or one JSON object on a line."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.color import Style
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from iii_triggers.models import Invocation
from iii_triggers.operations.units import duration_text

from .terminal import cut

MAX_NAME = 60
MAX_ERROR = 200

Status = Invocation.Status


def line_of(run: Invocation, style: Style) -> str:
    """Return time, status, duration, function, trigger, worker and error of a run."""
    local = timezone.localtime(run.started_at)
    took = "" if run.duration_ms is None else duration_text(run.duration_ms)
    parts = [
        f"{local:%H:%M:%S}.{local.microsecond // 1000:03}",
        _colour(run, style)(f"{run.status:<9}"),
        f"{took:>8}",
        cut(run.function_id, MAX_NAME),
        _trigger(run),
        cut(run.worker_name or run.worker_id or "site", MAX_NAME),
    ]
    if run.error_code or run.error:
        parts.append(cut(f"{run.error_code}: {run.error}", MAX_ERROR))
    return "  ".join(parts)


def json_of(run: Invocation) -> str:
    """Return a run as a JSON object on one line; without input and output."""
    columns = [field.attname for field in run._meta.concrete_fields]
    return json.dumps({name: getattr(run, name) for name in columns}, cls=DjangoJSONEncoder)


def _trigger(run: Invocation) -> str:
    if run.trigger_type:
        name = f"{run.trigger_type}:{run.trigger_id}" if run.trigger_id else run.trigger_type
        return cut(name, MAX_NAME)
    return cut(f"call:{run.caller}", MAX_NAME) if run.caller else "call"


def _colour(run: Invocation, style: Style) -> Any:
    if run.status == Status.FAILED:
        return style.ERROR
    return style.WARNING if run.status == Status.RUNNING else style.SUCCESS
