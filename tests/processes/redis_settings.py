"""Settings of processes that reach each other through Redis."""

from __future__ import annotations

import os

from tests.processes.settings import *  # noqa: F403

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ.get("TEST_LAYER", "channels_redis.core.RedisChannelLayer"),
        "CONFIG": {"hosts": [{"address": os.environ["TEST_REDIS_URL"], "socket_timeout": None}]},
    }
}
