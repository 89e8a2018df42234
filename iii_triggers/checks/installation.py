"""Checks of what is installed, and in which order: W005 and W006."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name

from .versions import installed_version

SAFE_DAPHNE = (4, 2, 3)


def check_app_order(**_kwargs: Any) -> list[CheckMessage]:
    """Check that ``manage.py runworker`` is ours; it hands channel names over to Channels'."""
    names = [config.name for config in apps.get_app_configs()]
    if "channels" not in names or names.index("iii_triggers") < names.index("channels"):
        return []
    return [
        Warning(
            "'channels' stands before 'iii_triggers' in INSTALLED_APPS: manage.py runworker is "
            "the command of Channels and starts no worker of the site.",
            hint="Put 'iii_triggers' before 'channels'.",
            id="iii_triggers.W005",
        )
    ]


def check_daphne(**_kwargs: Any) -> list[CheckMessage]:
    """Check that an installed Daphne has no known hole."""
    version = installed_version("daphne")
    if version is None or version >= SAFE_DAPHNE:
        return []
    return [
        Warning(
            f"Daphne {'.'.join(map(str, version))} accepts WebSocket messages of any size and "
            "smuggled headers.",
            hint="Install daphne 4.2.3 or newer.",
            id="iii_triggers.W006",
        )
    ]
