"""The Celery app of the demo site: ``celery -A iii_project worker`` and ``... beat``.

Its settings are the site's ``CELERY_*``.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iii_project.settings")

app = Celery("iii_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
