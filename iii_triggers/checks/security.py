"""Checks of a site that goes to production: W007, W014 (``manage.py check --deploy``)."""

from __future__ import annotations

from typing import Any

from django.conf import settings as site_settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name

from iii_triggers.conf import settings


def check_loopback_workers(**_kwargs: Any) -> list[CheckMessage]:
    """Check that on a production host not every local process may be a worker."""
    if site_settings.DEBUG or not settings.III_ALLOW_LOOPBACK_WORKERS:
        return []
    return [
        Warning(
            "Every process on this machine may connect as a worker, without a token.",
            hint="Set III_ALLOW_LOOPBACK_WORKERS = False and give workers a token, unless only "
            "you can start processes here and no proxy hands connections on.",
            id="iii_triggers.W007",
        )
    ]


def check_private_urls(**_kwargs: Any) -> list[CheckMessage]:
    """Check that on a production host workers cannot have any private address called."""
    is_open = "*" in settings.III_HTTP_FUNCTION_ALLOWED_HOSTS
    if site_settings.DEBUG or not settings.III_HTTP_FUNCTION_ALLOW_PRIVATE or not is_open:
        return []
    return [
        Warning(
            "Functions behind URLs may be called on every private address.",
            hint="Set III_HTTP_FUNCTION_ALLOW_PRIVATE = False, or name the hosts in "
            "III_HTTP_FUNCTION_ALLOWED_HOSTS.",
            id="iii_triggers.W014",
        )
    ]
