"""Running many runs again: a selection of the list, or all that its filters allow."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Invocation
from iii_triggers.operations.audit import log_many
from iii_triggers.operations.replay import MAX_REPLAYS, ReplayCounts, replay_many

from .base import EngineAdmin
from .text_filter import as_uuid

TEMPLATE = "admin/iii_triggers/invocation/confirm_replay.html"
MAX_FUNCTIONS = 20

REFUSED = {
    "cut": _("input too long to be kept whole"),
    "redacted": _("secrets left out of the input"),
    "not_kept": _("input not kept"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The newest of the runs that were chosen, as somebody is to confirm them."""

    newest: uuid.UUID
    oldest: uuid.UUID
    count: int
    functions: list[tuple[str, int]]
    """How many of each function, the most frequent first."""
    has_more: bool
    """Whether there are more, which are too many at once."""

    @classmethod
    def of(cls, runs: QuerySet[Invocation]) -> Selection | None:
        """Look at a selection; None if it is empty."""
        pairs = runs.order_by("-pk").values_list("pk", "function_id")
        rows = list(pairs[: MAX_REPLAYS + 1])
        if not rows:
            return None
        chosen = rows[:MAX_REPLAYS]
        return cls(
            newest=chosen[0][0],
            oldest=chosen[-1][0],
            count=len(chosen),
            functions=Counter(function for _pk, function in chosen).most_common(),
            has_more=len(rows) > len(chosen),
        )


@admin.action(description=_("Replay: run them again"), permissions=["replay"])
def replay_runs(
    modeladmin: EngineAdmin[Invocation], request: HttpRequest, queryset: QuerySet[Invocation]
) -> HttpResponse | None:
    """Ask for confirmation; once that is there, queue the runs again.

    What is confirmed are the runs between two ids: those that come meanwhile, maybe of these
    replays, are left alone.
    """
    newest, oldest = (as_uuid(request.POST.get(name, "")) for name in ("newest", "oldest"))
    if newest is not None and oldest is not None:
        _replay(modeladmin, request, queryset.filter(pk__gte=oldest, pk__lte=newest))
        return None
    selection = Selection.of(queryset)
    if selection is None:
        modeladmin.message_user(request, gettext("Nothing was selected."), messages.WARNING)
        return None
    return TemplateResponse(request, TEMPLATE, _context(modeladmin, request, selection))


def _context(
    modeladmin: EngineAdmin[Invocation], request: HttpRequest, selection: Selection
) -> dict[str, Any]:
    is_all = request.POST.get("select_across") == "1"
    # The admin wants one row to be selected, also when that stands for all.
    chosen = [selection.newest] if is_all else request.POST.getlist(ACTION_CHECKBOX_NAME)
    return {
        **modeladmin.admin_site.each_context(request),
        "title": gettext("Replay runs"),
        "opts": modeladmin.opts,
        "selection": selection,
        "functions": selection.functions[:MAX_FUNCTIONS],
        "other_functions": len(selection.functions[MAX_FUNCTIONS:]),
        "max_replays": MAX_REPLAYS,
        "selected": chosen,
        "select_across": "1" if is_all else "0",
        "list_url": request.get_full_path(),
        "media": modeladmin.media,
    }


def _replay(
    modeladmin: EngineAdmin[Invocation], request: HttpRequest, runs: QuerySet[Invocation]
) -> None:
    ids = list(runs.order_by("-pk").values_list("pk", flat=True)[:MAX_REPLAYS])
    shown = ngettext("%d run", "%d runs", len(ids)) % len(ids)
    log_many(request.user, Invocation, gettext("Replayed."), shown=shown)
    counts = replay_many(runs)
    level = messages.WARNING if counts.refused else messages.SUCCESS
    modeladmin.message_user(request, " ".join(_told(counts)), level)


def _told(counts: ReplayCounts) -> Iterator[str]:
    text = ngettext("%d run is queued again.", "%d runs are queued again.", counts.queued)
    yield text % counts.queued
    if counts.refused:
        reasons = (f"{REFUSED.get(why, why)}: {count}" for why, count in counts.refused.items())
        yield gettext("Left out: %s.") % ", ".join(reasons)
