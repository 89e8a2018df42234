"""When the sweeper looks at a delivery again, should its Celery message have been lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from iii_triggers.conf import settings

from .celery_app import reaches_workers

MAX_DOUBLINGS = 6


def next_send_at(sends: int = 0) -> datetime:
    """Return when to send again after a message was sent.

    Later each time: with a long backlog the messages are not lost, they wait. At once where no
    message is sent, because no worker is reached.
    """
    if not reaches_workers():
        return timezone.now()
    pause_s = settings.III_RESEND_S * 2 ** min(sends, MAX_DOUBLINGS)
    return timezone.now() + timedelta(seconds=pause_s)
