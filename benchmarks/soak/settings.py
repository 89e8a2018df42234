"""Settings of the site under soak: the demo site, with some intervals made shorter.

The rest comes from the environment as for the demo site.
"""

from __future__ import annotations

from iii_project.settings import *  # noqa: F403 - the site under soak is the demo site
from iii_project.settings import INSTALLED_APPS

from .shorter import SHORTER

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.soak"]
ALLOWED_HOSTS = ["127.0.0.1"]
III_RESEND_S = SHORTER["III_RESEND_S"]
III_DELIVERY_TIMEOUT_S = SHORTER["III_DELIVERY_TIMEOUT_S"]
III_LEASE_S = SHORTER["III_LEASE_S"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
