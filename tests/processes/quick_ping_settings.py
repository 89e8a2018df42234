"""The site under test, which soon notices that a peer is gone."""

from __future__ import annotations

from .settings import *  # noqa: F403

III_PING_INTERVAL_S = 0.5
III_PING_TIMEOUT_S = 1.0
