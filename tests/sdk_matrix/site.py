"""The demo site, for the matrix."""

from iii_project.settings import *  # noqa: F403
