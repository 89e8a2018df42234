"""The scheduler of celery beat: the site's periodic tasks, and the slots of cron triggers.

``celery -A mysite beat -S iii_triggers.beat:TriggerScheduler``; ``runengine`` has one built in. Any
number of them may run at the same time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.utils.objects import cached_property

from .conf import settings
from .delivery.broker import CONNECT_S, TIMEOUTS
from .delivery.celery_app import declared_queue
from .delivery.queues import DEFAULT_QUEUE
from .engine.database import close_broken
from .engine.nodes import ThisNode
from .engine.process import process_engine
from .models import Node
from .tasks import PRUNE_TASK
from .trigger_types.cron.firing import fire_due, next_due

logger = logging.getLogger(__name__)

MAX_PAUSE_S = 0.5
"""How long a change of a trigger may go unnoticed."""
PRUNE_INTERVAL_S = 3600.0
MAX_RETRY_PAUSE_S = 4.0
"""Shorter than the grace of cron triggers, so that a short outage misses no slot."""


class TriggerScheduler(DatabaseScheduler):  # type: ignore[misc]  # django-celery-beat has no types
    """Fires cron triggers beside what ``DatabaseScheduler`` does.

    Nothing that fails ends it: it is logged and tried again. The slots come first, and neither a
    broker nor a periodic task that is in trouble keeps them waiting for long.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._is_set_up = False
        self._presence = Presence()
        self._own_tasks = Duty(name="running periodic tasks", work=self._run_own_tasks)
        self._duties = (
            Duty(name="firing cron triggers", work=_fire),
            Duty(name="the heartbeat", work=self._presence.beat),
            self._own_tasks,
            Duty(name="sending the pruning task", work=self._send_prune),
        )
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the periodic tasks, now if the database is there."""
        self._own_tasks.attend()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do what is due; return how many seconds to sleep, at most MAX_PAUSE_S."""
        close_broken(was_idle=True)
        return max(0.0, min(MAX_PAUSE_S, *(duty.attend() for duty in self._duties)))

    def close(self) -> None:
        """Say goodbye and write what the periodic tasks remember."""
        try:
            self._presence.leave()
        except Exception:
            logger.exception("beat: its row could not be removed.")
        try:
            super().close()
        finally:
            connections.close_all()

    @cached_property  # type: ignore[untyped-decorator]  # Celery has no types
    def connection(self) -> Any:
        """The connection to the broker, which is given up on soon: the slots wait behind it."""
        connection = self.app.connection_for_write(connect_timeout=CONNECT_S)
        timeouts = dict.fromkeys(TIMEOUTS.get(connection.transport.driver_type, ()), CONNECT_S)
        connection.transport_options = {**timeouts, **connection.transport_options}
        return connection

    def _ensure_connected(self) -> Any:
        others = len(self.connection.alt or [""]) - 1
        return self.connection.ensure_connection(max_retries=others, interval_start=0)

    def _run_own_tasks(self) -> float:
        try:
            if not self._is_set_up:
                super().setup_schedule()
                self._is_set_up = True
                return 0.0
            return float(super().tick())
        except Exception:
            # What was read of the database may be half of it.
            self._initial_read, self._heap = True, None
            raise

    def _send_prune(self) -> float:
        self.app.send_task(
            PRUNE_TASK,
            producer=self.producer,
            queue=declared_queue(self.app, DEFAULT_QUEUE),
            expires=PRUNE_INTERVAL_S,
            retry=False,
        )
        return PRUNE_INTERVAL_S


@dataclass(slots=True, kw_only=True)
class Duty:
    """Something beat does again and again."""

    name: str
    work: Callable[[], float]
    """Returns the seconds until it is to be done again."""
    due: float = 0.0
    failures: int = 0

    def attend(self) -> float:
        """Do it if it is due; return the seconds until it is due again."""
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + self._do()
        return self.due - time.monotonic()

    def _do(self) -> float:
        try:
            pause = self.work()
        except Exception:
            self.failures += 1
            logger.exception("beat: %s failed; it is tried again.", self.name)
            return min(2.0 ** min(self.failures, 10) / 4, MAX_RETRY_PAUSE_S)
        self.failures = 0
        return pause


@dataclass(slots=True)
class Presence:
    """The row that tells people about this beat.

    A process has one row: beside an engine, as in ``runengine``, the row is the engine's.
    """

    node: ThisNode | None = None

    def beat(self) -> float:
        """Say that this process lives; return when to say so again, in seconds."""
        if process_engine.get().is_running:
            self.leave()
        elif self.node is not None:
            self.node.beat()
        else:
            node = ThisNode(kind=Node.Kind.BEAT)
            node.join()
            self.node = node
        return settings.III_HEARTBEAT_INTERVAL_S

    def leave(self) -> None:
        """Remove the row."""
        node, self.node = self.node, None
        if node is not None:
            node.leave()


def _fire() -> float:
    """Fire what is due; return the seconds until the next slot that is known of."""
    now = timezone.now()
    fired, noted = fire_due(now), next_due()
    if noted is None or (noted <= now and not fired):
        # What is left is in the hands of another beat, or cannot be fired.
        return MAX_PAUSE_S
    return min(MAX_PAUSE_S, max(0.0, (noted - timezone.now()).total_seconds()))
