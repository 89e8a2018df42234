"""Users that are named on the command line, for the log of the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from iii_triggers.protocol.text import storable


def user_named(name: str | None, *, returncode: int = 1) -> Any:
    """Return the user of that name; None for no name. Raise CommandError if there is none."""
    if name is None:
        return None
    model = get_user_model()
    user = None
    # A database that is asked for what cannot be text would fail.
    if storable(name) == name:
        user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}.", returncode=returncode)
    return user
