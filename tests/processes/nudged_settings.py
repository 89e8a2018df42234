"""Settings of processes that look for changes only when another one nudges them."""

from __future__ import annotations

from tests.processes.redis_settings import *  # noqa: F403

III_SYNC_INTERVAL_S = 3600.0
