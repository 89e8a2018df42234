"""The same site, stopping after one second whatever still runs."""

from __future__ import annotations

from .settings import *  # noqa: F403

III_SHUTDOWN_GRACE_S = 1.0
