"""Who calls: the owner of a token, or who is logged in to the site."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions
from rest_framework.request import Request


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token …``, as ``manage.py drf_create_token`` makes them."""

    def authenticate_credentials(self, key: str) -> tuple[AbstractBaseUser, Any]:
        """Return user and token; PostgreSQL fails when it is asked for a NUL character."""
        if "\0" in key:
            raise exceptions.AuthenticationFailed(_("Invalid token."))
        found: tuple[AbstractBaseUser, Any] = super().authenticate_credentials(key)
        return found


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the site; whatever changes something needs the CSRF token."""

    def authenticate_header(self, request: Request) -> str:
        """Tell strangers 401 rather than 403, on sites without tokens too."""
        return "Session"

    def enforce_csrf(self, request: Request) -> None:
        """Look for the token in the header: the body is not read before it is known who sent it."""
        super().enforce_csrf(request._request)  # type: ignore[arg-type]


def authenticators() -> list[authentication.BaseAuthentication]:
    """Return the ways to log in that the site has installed."""
    if apps.is_installed("rest_framework.authtoken"):
        return [TokenAuthentication(), SessionAuthentication()]
    return [SessionAuthentication()]
