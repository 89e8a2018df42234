"""What to do first where nothing has run yet."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from iii_triggers.admin.addresses import addresses
from iii_triggers.conf import settings
from iii_triggers.models import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A command that runs something, or where to add what could run, for those who may."""

    curl: str = ""
    add_url: str = ""
    is_off: bool = False
    """Whether the history is off: then nobody knows whether something ran."""


def first_step(request: HttpRequest) -> Hint:
    """Return a hint for somebody who may see the triggers."""
    if settings.III_HISTORY == "off":
        return Hint(is_off=True)
    active = Trigger.objects.enabled().filter(trigger_type="http", state=Trigger.State.ACTIVE)
    trigger = active.order_by("pk").first()
    answers = addresses(trigger, request) if trigger is not None else []
    if answers:
        return Hint(curl=answers[0].curl)
    may_add = request.user.has_perm("iii_triggers.add_trigger")
    return Hint(add_url=reverse("admin:iii_triggers_trigger_add") if may_add else "")
