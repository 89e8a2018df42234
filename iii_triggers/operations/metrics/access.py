"""Who may read the metrics (design, section 9): closed unless somebody was let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest

from django.conf import settings as django_settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import AuthenticationFailed, Forbidden

PERMISSION = "iii_triggers.view_node"

AnyUser = AbstractBaseUser | AnonymousUser


async def check_access(
    *, authorization: str, is_local: bool, user: Callable[[], Awaitable[AnyUser]]
) -> None:
    """Return if a request may read the metrics.

    The token opens from anywhere, and a wrong one nowhere. With DEBUG every process of this
    machine may read them, if the site lets such be workers too; otherwise a proxy could hand on
    requests of anybody. Who remains needs a session in the admin and the permission to view nodes.
    Raise AuthenticationFailed or Forbidden.
    """
    if authorization:
        _check_token(authorization)
    elif not (is_local and django_settings.DEBUG and settings.III_ALLOW_LOOPBACK_WORKERS):
        await _check_user(await user())


def _check_token(authorization: str) -> None:
    scheme, _, token = authorization.partition(" ")
    expected: str = settings.III_METRICS_TOKEN
    is_right = compare_digest(token.strip().encode(), expected.encode())
    if not (expected and scheme.lower() == "bearer" and is_right):
        raise AuthenticationFailed("The token does not open the metrics.")


async def _check_user(user: AnyUser) -> None:
    if isinstance(user, AnonymousUser) or not user.is_active:
        raise AuthenticationFailed("Reading the metrics takes the token of III_METRICS_TOKEN.")
    is_staff = getattr(user, "is_staff", False)
    if not (is_staff and await user.ahas_perm(PERMISSION)):  # type: ignore[attr-defined]
        raise Forbidden(f"Reading the metrics takes the permission {PERMISSION}.")
