"""Who did what: entries of Django's admin log, from whichever door."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models

MAX_SHOWN = 200


def log_action(
    user: Any, row: models.Model, message: str, *, flag: int = CHANGE, shown: str = ""
) -> None:
    """Note that ``user`` did something with ``row``, in the running transaction.

    ``flag`` is ADDITION, CHANGE or DELETION; ``shown`` replaces the text of the row.
    """
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=(shown or str(row))[:MAX_SHOWN],
        action_flag=flag,
        change_message=message,
    )


def log_many(user: Any, model: type[models.Model], message: str, *, shown: str) -> None:
    """Note that ``user`` did something with many rows of ``model`` at once."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_id=None,
        object_repr=shown[:MAX_SHOWN],
        action_flag=CHANGE,
        change_message=message,
    )
