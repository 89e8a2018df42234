"""Checks of the REST API: E017, W015 and W016. No REST framework here: it may be missing."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage

from iii_triggers.conf import Settings, settings

from .rates import is_rate

TAG = "iii_triggers"


def is_included() -> bool:
    """Tell whether the site has what the API needs, and so has the API."""
    return apps.is_installed("rest_framework") and apps.is_installed("drf_spectacular")


def register() -> None:
    """Register the checks; doing it twice is harmless."""
    checks.register(check_apps, TAG)
    checks.register(check_throttles, TAG)


def check_apps(**_kwargs: Any) -> list[CheckMessage]:
    """Check that all apps the API is made of are installed, if any is."""
    if not apps.is_installed("rest_framework"):
        return []
    problems: list[CheckMessage] = []
    if not apps.is_installed("drf_spectacular"):
        problems.append(
            checks.Warning(
                "The REST API is left out: 'drf_spectacular' is not in INSTALLED_APPS.",
                hint="Install iii-triggers[api] and add it, or silence this check.",
                id="iii_triggers.W015",
            )
        )
    elif not apps.is_installed("rest_framework.authtoken"):
        problems.append(
            checks.Warning(
                "The REST API takes no tokens: 'rest_framework.authtoken' is not in "
                "INSTALLED_APPS.",
                hint="Add it and migrate, or silence this check: sessions are enough for pages.",
                id="iii_triggers.W016",
            )
        )
    return problems


def check_throttles(**_kwargs: Any) -> list[CheckMessage]:
    """Check what the type of the setting does not tell: its scopes and its rates."""
    given: Any = settings.III_API_THROTTLES
    if not isinstance(given, dict) or not all(isinstance(rate, str) for rate in given.values()):
        return []
    scopes = list(Settings.III_API_THROTTLES)
    return [
        checks.Error(
            f"III_API_THROTTLES: {scope!r}: {rate!r} limits nothing.",
            hint=f"The scopes are {', '.join(scopes)}; a rate is such as '600/min', '' is none.",
            id="iii_triggers.E017",
        )
        for scope, rate in given.items()
        if scope not in scopes or not is_rate(rate)
    ]
