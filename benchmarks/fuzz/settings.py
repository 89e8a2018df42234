"""The demo site with limits that a fuzzer reaches, and a log of errors only."""

from __future__ import annotations

from iii_project.settings import *  # noqa: F403 - the site under attack is the demo site

III_MAX_FRAME_BYTES = 1024 * 1024
III_MAX_FUNCTIONS_PER_WORKER = 200
III_MAX_TRIGGERS_PER_WORKER = 200
III_MAX_TRIGGER_TYPES_PER_WORKER = 50
III_MAX_SEND_QUEUE_BYTES = 1024 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "ERROR"},
}
