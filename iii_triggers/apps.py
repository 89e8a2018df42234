"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IiiTriggersConfig(AppConfig):
    """Event triggers for a Django site."""

    name = "iii_triggers"
    label = "iii_triggers"
    verbose_name = _("Triggers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, signal_handlers
        from .api import checks as api_checks
        from .consumption import connections
        from .delivery.celery_app import remember_site_app

        checks.register()
        api_checks.register()
        signal_handlers.connect()
        connections.connect()
        remember_site_app()
