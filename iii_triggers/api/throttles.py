"""Counts how often each person calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from .rates import limit_of

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ScopedThrottle(SimpleRateThrottle):
    """Counts the calls of each person in each scope, in the cache ``default`` of the site.

    The scope is what the view says: ``read``, ``write`` or ``fire``.
    """

    cache_format = "iii_api_%(scope)s_%(ident)s"

    def __init__(self) -> None:
        """Wait for the view: it knows the scope."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Tell whether the call may go on, and count it if so."""
        self.scope = view.throttle_scope()  # type: ignore[attr-defined]
        limit = limit_of(self.scope)
        if limit is None:
            return True
        self.rate = self.scope
        self.num_requests, self.duration = limit
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return where the calls of this person are counted."""
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}
