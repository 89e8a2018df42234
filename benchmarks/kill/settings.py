"""Settings of the cluster whose processes are killed: those under soak, and more functions."""

from __future__ import annotations

from benchmarks.soak.settings import *  # noqa: F403 - the same site, with more functions
from benchmarks.soak.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.kill"]
