"""Checks of who may connect as a stream client: W012 and, with ``--deploy``, W013."""

from __future__ import annotations

from typing import Any

from django.conf import settings as site_settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name

from iii_triggers.conf import settings


def check_auth_function(**_kwargs: Any) -> list[CheckMessage]:
    """Check that somebody can connect where only known clients may."""
    if settings.III_STREAM_ACCESS != "authenticated" or settings.III_STREAM_AUTH_FUNCTION:
        return []
    return [
        Warning(
            "No stream client can connect: nobody says who is known.",
            hint="Set III_STREAM_AUTH_FUNCTION to the id of a function, or III_STREAM_ACCESS to "
            "'auto' or 'open'.",
            id="iii_triggers.W012",
        )
    ]


def check_open_streams(**_kwargs: Any) -> list[CheckMessage]:
    """Check that on a production host not everybody may join every stream."""
    if site_settings.DEBUG or settings.III_STREAM_ACCESS != "open":
        return []
    if settings.III_STREAM_AUTH_FUNCTION:
        return []
    return [
        Warning(
            "Everybody who reaches the site may join every stream that no listener refuses.",
            hint="Set III_STREAM_AUTH_FUNCTION, and III_STREAM_ACCESS to 'authenticated', unless "
            "all streams are public.",
            id="iii_triggers.W013",
        )
    ]
