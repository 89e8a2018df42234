"""Who may do what with runs, asked anew for every request."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from iii_triggers.models import Invocation

from .base import EngineAdmin

if TYPE_CHECKING:
    Base = EngineAdmin[Invocation]
else:
    Base = object


class RunPermissions(Base):
    """Mix-in of the admin of runs and of its parts."""

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Run runs again."""
        return request.user.has_perm("iii_triggers.replay_invocation")

    def has_payload_permission(self, request: HttpRequest) -> bool:
        """See what runs were given and what they returned."""
        return request.user.has_perm("iii_triggers.view_payload")

    def visible_run(self, request: HttpRequest, pk: uuid.UUID) -> Invocation:
        """Return a run. Raise PermissionDenied, and Http404 if there is none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run: Invocation | None = self.get_queryset(request).filter(pk=pk).first()
        if run is None:
            raise Http404
        return run
