"""What who calls may do: the permissions of Django's models, for looking too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class MayCall(BasePermission):
    """Asks for the permissions that the view names for its action in ``needs``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Nobody calls anonymously."""
        if not getattr(request.user, "is_authenticated", False):
            return False
        codenames = view.needed_permissions()  # type: ignore[attr-defined]
        return all(has_perm(request, codename) for codename in codenames)


def has_perm(request: Request, codename: str) -> bool:
    """Tell whether who calls has a permission of this app."""
    return bool(request.user.has_perm(f"iii_triggers.{codename}"))
