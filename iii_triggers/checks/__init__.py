"""System checks: what is wrong with the settings of the site, each with a stable id and a hint.

``docs/checks.md`` lists every id.
"""

from __future__ import annotations

from django.core import checks

from . import (
    celery,
    channel_layers,
    databases,
    installation,
    metrics,
    security,
    settings,
    streams,
    trigger_types,
)

TAG = "iii_triggers"


def register() -> None:
    """Register the checks of this app; doing it twice is harmless."""
    for check in (
        settings.check_values,
        settings.check_names,
        trigger_types.check_trigger_types,
        databases.check_databases,
        channel_layers.check_alias,
        channel_layers.check_channel_layers,
        installation.check_app_order,
        installation.check_daphne,
        celery.check_content,
        celery.check_reach,
        streams.check_auth_function,
        metrics.check_metrics,
    ):
        checks.register(check, TAG)
    checks.register(celery.check_scheduler, checks.Tags.database)
    checks.register(celery.check_broker, TAG, deploy=True)
    checks.register(security.check_loopback_workers, checks.Tags.security, deploy=True)
    checks.register(security.check_private_urls, checks.Tags.security, deploy=True)
    checks.register(streams.check_open_streams, checks.Tags.security, deploy=True)
