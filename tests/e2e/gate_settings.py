"""Settings of a site with a guarded listener, on the port that the environment names."""

from __future__ import annotations

import os

from iii_project.settings import *  # noqa: F403
from iii_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.e2e.gate"]

III_WORKER_LISTENERS = [
    {
        "port": int(os.environ.get("GATE_PORT", "49135")),
        "path": "guests",
        "rbac": {
            "auth_function_id": "gate::auth",
            "expose_functions": ['match("public::*")'],
            "on_function_registration_function_id": "gate::register",
        },
    },
]
