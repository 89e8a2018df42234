"""WSGI entry point of the demo site: pages and the trigger view, no worker sockets."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iii_project.settings")

application = get_wsgi_application()
