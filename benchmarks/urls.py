"""URLs of the measured site.

The catch-all trigger view is mounted where the dispatcher does not answer first.
"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import include, path


async def bare(request: HttpRequest) -> JsonResponse:
    """Answer what the measured functions answer."""
    return JsonResponse({"message": "Hello, Ada!"})


urlpatterns = [
    path("bare/", bare),
    path("django/", include("iii_triggers.urls")),
]
