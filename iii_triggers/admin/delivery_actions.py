"""What people do with deliveries, from the list and from the page of one.

Each verb is logged: delivery by delivery for a selection of ``MAX_LOGGED``, in one line beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from iii_triggers.delivery import redrive as ledger
from iii_triggers.models import Delivery
from iii_triggers.operations.audit import log_action, log_many

from .base import EngineAdmin

MAX_LOGGED = 100

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing to do with deliveries."""

    name: str
    permission: str
    """Name of the permission as the admin asks for it: ``has_<permission>_permission``."""
    run: Callable[[QuerySet[Delivery]], int]
    states: tuple[Delivery.State, ...]
    """States in which the verb does something."""
    title: str | Promise
    """Of the action in the list."""
    label: str | Promise
    """Of the button."""
    done: str | Promise
    """Message with the number of deliveries."""
    logged: str | Promise


VERBS = (
    Verb(
        name="redrive",
        permission="redrive",
        run=ledger.redrive,
        states=(State.DEAD,),
        title=_("Redrive: try dead deliveries again"),
        label=_("Redrive"),
        done=ngettext_lazy("%d delivery is tried again.", "%d deliveries are tried again."),
        logged=_("Redriven."),
    ),
    Verb(
        name="discard",
        permission="redrive",
        run=ledger.discard,
        states=(State.DEAD,),
        title=_("Discard: give dead deliveries up for good"),
        label=_("Discard"),
        done=ngettext_lazy("%d delivery was discarded.", "%d deliveries were discarded."),
        logged=_("Discarded."),
    ),
    Verb(
        name="hold",
        permission="hold",
        run=ledger.hold,
        states=(State.QUEUED, State.RETRY),
        title=_("Hold: keep waiting deliveries from running"),
        label=_("Hold"),
        done=ngettext_lazy("%d delivery is held.", "%d deliveries are held."),
        logged=_("Held."),
    ),
    Verb(
        name="release",
        permission="hold",
        run=ledger.release,
        states=(State.HELD,),
        title=_("Release: let held deliveries run"),
        label=_("Release"),
        done=ngettext_lazy("%d delivery was released.", "%d deliveries were released."),
        logged=_("Released."),
    ),
    Verb(
        name="cancel",
        permission="hold",
        run=ledger.cancel,
        states=(State.QUEUED, State.RETRY, State.HELD),
        title=_("Cancel: end waiting and held deliveries for good"),
        label=_("Cancel"),
        done=ngettext_lazy("%d delivery was cancelled.", "%d deliveries were cancelled."),
        logged=_("Cancelled."),
    ),
)


def list_actions() -> list[Callable[..., None]]:
    """Return the verbs as actions of a list of deliveries."""
    return [_action(verb) for verb in VERBS]


def carry_out(
    modeladmin: EngineAdmin[Any], request: HttpRequest, verb: Verb, deliveries: QuerySet[Delivery]
) -> None:
    """Apply a verb, log it, and tell how many deliveries it concerned and how many it did not."""
    rows = list(deliveries.order_by("pk").only("pk", "function_id", "topic")[: MAX_LOGGED + 1])
    if len(rows) > MAX_LOGGED:
        done, left = _all(request, verb, deliveries), None
    else:
        done = sum(_one(request, verb, row) for row in rows)
        left = len(rows) - done
    level = messages.SUCCESS if done else messages.WARNING
    modeladmin.message_user(request, f"{verb.done % done} {_about_others(left)}".strip(), level)


def _action(verb: Verb) -> Callable[..., None]:
    @admin.action(description=verb.title, permissions=[verb.permission])  # type: ignore[arg-type]
    def action(
        modeladmin: EngineAdmin[Delivery], request: HttpRequest, queryset: QuerySet[Delivery]
    ) -> None:
        carry_out(modeladmin, request, verb, queryset)

    action.__name__ = verb.name
    return action


def _one(request: HttpRequest, verb: Verb, row: Delivery) -> int:
    with transaction.atomic():
        done = verb.run(Delivery.objects.filter(pk=row.pk).defer("payload", "metadata"))
        if done:
            log_action(request.user, row, str(verb.logged))
    return done


def _all(request: HttpRequest, verb: Verb, deliveries: QuerySet[Delivery]) -> int:
    """Change a big selection in the batches of the ledger, and log that once."""
    done = verb.run(deliveries.defer("payload", "metadata"))
    if done:
        shown = ngettext("%d delivery", "%d deliveries", done) % done
        log_many(request.user, Delivery, str(verb.logged), shown=shown)
    return done


def _about_others(left: int | None) -> str:
    if left is None:
        return gettext("Those in another state were left as they were.")
    text = ngettext(
        "%d was in another state and left as it was.",
        "%d were in another state and left as they were.",
        left,
    )
    return text % left if left else ""
