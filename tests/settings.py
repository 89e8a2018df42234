"""Settings of the test-suite: the demo site's, on the database of ``DATABASE_URL`` or SQLite."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ["REDIS_URL"] = ""

from iii_project.settings import *  # noqa: F403
from iii_project.settings import DATABASES

SECRET_KEY = "tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# A name for each run, so that runs beside each other do not share a database. On SQLite it is a
# file: the engine's threads must see what the test wrote.
_name = f"test_iii_{os.getpid()}"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    _name = str(Path(tempfile.gettempdir()) / f"{_name}.sqlite3")
else:
    # What a crash of the machine would lose, a test can lose.
    DATABASES["default"]["OPTIONS"] = {"options": "-c synchronous_commit=off"}
DATABASES["default"]["TEST"] = {"NAME": _name}

# Workers of the tests often register something without introducing themselves first.
III_REGISTRATION_GRACE_S = 0

# Providers of the tests hear their triggers at once.
III_TRIGGER_TYPE_GRACE_MS = 0

# Most tests are not about the history; those that are turn it on.
III_HISTORY = "off"
# Tests that count objects look at all of them.
III_TUNE_GC = False
