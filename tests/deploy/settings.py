"""Settings of the site that the recipes serve: the test site, on Redis, with a streamed answer."""

from __future__ import annotations

from tests.processes.redis_settings import *  # noqa: F403
from tests.processes.redis_settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.deploy.drips"]
