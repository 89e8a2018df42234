"""Settings of the processes under test: the demo site with limits that a test can reach."""

from __future__ import annotations

from iii_project.settings import *  # noqa: F403
from iii_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.site"]
ALLOWED_HOSTS = ["*"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

III_MAX_FRAME_BYTES = 64 * 1024
III_MAX_BODY_BYTES = 64 * 1024
