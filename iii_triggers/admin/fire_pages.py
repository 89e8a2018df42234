"""What the page of a trigger has for trying it, and for what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from iii_triggers.models import Trigger

from .base import EngineAdmin

if TYPE_CHECKING:
    Base = EngineAdmin[Trigger]
else:
    Base = object


class FirePages(Base):
    """Mix-in of the trigger admin."""

    def fire_context(self, request: HttpRequest, trigger: Trigger | None) -> dict[str, Any]:
        """Return what ``firing.html`` and ``activity.html`` need; no trigger on the page to add."""
        return {}
