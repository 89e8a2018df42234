"""Settings of the site whose triggers are edited: the measured site with the admin."""

from __future__ import annotations

from benchmarks.settings import *  # noqa: F403 - the measured site
from benchmarks.settings import LOGGING as QUIET

ROOT_URLCONF = "iii_project.urls"
# The server says when it is ready, through a logger that was there before Django.
LOGGING = {**QUIET, "disable_existing_loggers": False}
