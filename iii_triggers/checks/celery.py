"""Checks of Celery: E013 and W008 to W011."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name
from django.db import DatabaseError, router

from iii_triggers.conf import settings as iii_settings
from iii_triggers.delivery.celery_app import celery_app, has_memory_broker, is_of_site
from iii_triggers.models import Trigger

SCHEDULER = "iii_triggers.beat:TriggerScheduler"
JSON = {"json", "application/json"}
PICKLE = {"pickle", "application/x-python-serialize"}
LOCAL_LAYER = "channels.layers.InMemoryChannelLayer"


def check_content(**_kwargs: Any) -> list[CheckMessage]:
    """Check that Celery reads JSON, and nothing that runs code."""
    accepted = set(celery_app().conf.accept_content or ())
    problems: list[CheckMessage] = []
    if not accepted & JSON:
        problems.append(
            Error(
                "Celery does not accept JSON, which is how deliveries travel.",
                hint="Add 'json' to CELERY_ACCEPT_CONTENT.",
                id="iii_triggers.E013",
            )
        )
    if accepted & PICKLE:
        problems.append(
            Warning(
                "Celery accepts pickle: who can write to the broker can run any code here.",
                hint="Set CELERY_ACCEPT_CONTENT = ['json'].",
                id="iii_triggers.W008",
            )
        )
    return problems


def check_scheduler(
    *, databases: Sequence[str] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Check that beat fires the cron triggers there are."""
    app = celery_app()
    if not is_of_site(app) or app.conf.beat_scheduler == SCHEDULER:
        return []
    if not _has_cron_triggers(databases or ()):
        return []
    return [
        Warning(
            f"celery beat runs {app.conf.beat_scheduler}, which fires no cron triggers.",
            hint=f"Set CELERY_BEAT_SCHEDULER = '{SCHEDULER}'; runengine uses it by itself.",
            id="iii_triggers.W009",
        )
    ]


def _has_cron_triggers(databases: Sequence[str]) -> bool:
    alias = router.db_for_read(Trigger)
    if alias not in databases:
        return False
    try:
        return Trigger.objects.using(alias).filter(trigger_type="cron", enabled=True).exists()
    except DatabaseError:
        # The table is not there before the first migration.
        return False


LONE_LAYER = (
    "Celery has a broker, but the channel layer does not leave the process: functions of connected "
    "workers are out of reach for Celery workers.",
    "Give CHANNEL_LAYERS a Redis backend.",
)
LONE_BROKER = (
    "The channel layer reaches other processes, but Celery's broker is in memory: they leave their "
    "deliveries to the sweeper, up to a second later.",
    "Set CELERY_BROKER_URL.",
)


def check_reach(**_kwargs: Any) -> list[CheckMessage]:
    """Check that broker and channel layer both reach other processes, or neither."""
    has_memory_layer = _has_memory_layer()
    if has_memory_broker(celery_app()) == has_memory_layer:
        return []
    text, hint = LONE_LAYER if has_memory_layer else LONE_BROKER
    return [Warning(text, hint=hint, id="iii_triggers.W010")]


def check_broker(**_kwargs: Any) -> list[CheckMessage]:
    """Check that a production site has a broker."""
    if settings.DEBUG or not has_memory_broker(celery_app()):
        return []
    return [
        Warning(
            "Celery's broker is in memory: only runengine itself reaches its Celery worker.",
            hint="Set CELERY_BROKER_URL, unless runengine is the only process of the site.",
            id="iii_triggers.W011",
        )
    ]


def _has_memory_layer() -> bool:
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    layer = layers.get(iii_settings.III_CHANNEL_LAYER, {})
    return bool(layer.get("BACKEND", LOCAL_LAYER) == LOCAL_LAYER)
