"""What became of a run that somebody started from a page and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from iii_triggers.models import Invocation
from iii_triggers.operations.runs import RunResult
from iii_triggers.operations.units import duration_text
from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import IiiError

from .formatting import payload_block
from .invocation_texts import run_badge

WAIT_S = 10.0
"""So long a page is held back; what takes longer goes on, and the page says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A run as the template ``run_answer.html`` shows it."""

    badge: SafeString
    is_running: bool = False
    duration: str = ""
    result: SafeString | str = ""
    is_hidden: bool = False
    """Whether there is a result that the reader may not view."""
    error_code: str = ""
    error: str = ""
    url: str = ""
    """The page of the run; "" if the history has none, or not for this reader."""


def answer_to(request: HttpRequest, run: Callable[[], RunResult]) -> Answer:
    """Start a run, wait for it, and return what to show of it.

    An engine that cannot start it is an answer too.
    """
    began_at = time.monotonic()
    try:
        result = run()
    except IiiError as error:
        badge = run_badge(Invocation(status=Invocation.Status.FAILED))
        return Answer(badge=badge, error_code=error.code, error=error.message)
    return _answer(request, result, (time.monotonic() - began_at) * 1000)


def _answer(request: HttpRequest, result: RunResult, waited_ms: float) -> Answer:
    row = Invocation.objects.filter(pk=result.run_id).first()
    is_running = result.status == "running"
    may_view = request.user.has_perm("iii_triggers.view_payload")
    may_follow = row is not None and request.user.has_perm("iii_triggers.view_invocation")
    known_ms = waited_ms if row is None or row.duration_ms is None else row.duration_ms
    url = reverse("admin:iii_triggers_invocation_change", args=[result.run_id])
    return Answer(
        badge=run_badge(Invocation(status=result.status)),
        is_running=is_running,
        duration="" if is_running else duration_text(known_ms),
        result=_block(result.result) if may_view else "",
        is_hidden=result.result is not None and not may_view,
        error_code=result.error_code,
        error=result.error,
        url=url if may_follow else "",
    )


def _block(value: Any) -> SafeString | str:
    return "" if value is None else payload_block(to_json(value).decode())
