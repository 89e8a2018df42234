"""ASGI entry point of the demo site: everything."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iii_project.settings")

django_application = get_asgi_application()

from iii_triggers.asgi import TriggerDispatcher  # noqa: E402 - Django must be set up first

application = TriggerDispatcher(django_application)
