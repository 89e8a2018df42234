"""What people do with one delivery: each verb with its entry in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from django.db import transaction
from django.db.models import QuerySet

from iii_triggers.delivery import redrive as ledger
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import IiiError

from .audit import log_action

Verb = Literal["redrive", "discard", "hold", "release", "cancel"]

VERBS: dict[Verb, Callable[[QuerySet[Delivery]], int]] = {
    "redrive": ledger.redrive,
    "discard": ledger.discard,
    "hold": ledger.hold,
    "release": ledger.release,
    "cancel": ledger.cancel,
}


class WrongState(IiiError):
    """The delivery is in another state."""

    code = "wrong_state"


def act(verb: Verb, delivery: Delivery, *, user: Any, message: str) -> None:
    """Apply a verb to a delivery and note that ``user`` did. Raise WrongState if it does not fit.

    Judged by the state that it has now, whatever ``delivery`` says.
    """
    with transaction.atomic():
        rows = Delivery.objects.filter(pk=delivery.pk)
        if not VERBS[verb](rows):
            state = rows.values_list("state", flat=True).first() or "gone"
            raise WrongState(f"To {verb} a delivery does not fit its state: it is {state}.")
        log_action(user, delivery, message)
