"""The engine in processes that run deliveries: Celery's pool processes, or the worker itself."""

from __future__ import annotations

import logging
import threading
from typing import Any

from iii_triggers.delivery.celery_app import celery_app
from iii_triggers.delivery.sending import sender
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node

from .topics import takes_deliveries

logger = logging.getLogger(__name__)


def start_engine() -> None:
    """Start the engine in the background, so that the first delivery finds it; do not wait.

    Celery gives a pool process only a few seconds to come up.
    """
    process_engine.kind = process_engine.get().node.kind = Node.Kind.CELERY
    threading.Thread(target=_start, name="iii-engine-start", daemon=True).start()


def _start() -> None:
    try:
        process_engine.start_in_background()
    except Exception:
        logger.exception("The engine could not start; the first delivery tries again.")


def pool_process_began(**_kwargs: Any) -> None:
    """Begin in a process of a prefork pool, with nothing of what its parent had."""
    process_engine.forget()
    if takes_deliveries(celery_app()):
        start_engine()


def pool_process_ends(**_kwargs: Any) -> None:
    """Leave no row behind; a pool process runs no exit handlers."""
    process_engine.stop_in_background()
    sender.close()
