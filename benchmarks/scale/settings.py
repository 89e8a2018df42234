"""The demo site in production mode, asked by Django's test client."""

from __future__ import annotations

from iii_project.settings import *  # noqa: F403 - the measured site is the demo site

ALLOWED_HOSTS = ["testserver"]
SECURE_SSL_REDIRECT = False
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "ERROR"},
}
