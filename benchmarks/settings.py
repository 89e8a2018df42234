"""Settings of the measured site: the demo site in production mode, plus the benchmark's app.

``SECRET_KEY``, ``DEBUG=false`` and ``DATABASE_URL`` come from the environment (engine.py).
"""

from __future__ import annotations

import os

from iii_project.settings import *  # noqa: F403 - the measured site is the demo site
from iii_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]
ROOT_URLCONF = "benchmarks.urls"
ASGI_APPLICATION = "benchmarks.asgi.application"
III_HISTORY = os.environ.get("BENCH_HISTORY", "all")
ALLOWED_HOSTS = ["127.0.0.1"]
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
