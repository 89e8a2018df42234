"""Settings of the test-suite: the demo site's, on the database of ``DATABASE_URL`` or SQLite."""

from __future__ import annotations

import os

os.environ["REDIS_URL"] = ""

from iii_project.settings import *  # noqa: E402, F403

SECRET_KEY = "tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
