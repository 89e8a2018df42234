"""The leases this process holds, and their renewal while it lives."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery

from .claims import MARGIN_S
from .policy import Policy

RENEWED_BELOW = 0.75
"""Share of a lease that is left when it is renewed: not with every heartbeat."""


@dataclass(slots=True)
class HeldLeases:
    """What runs in this process. A run that is over its time is not renewed: it may hang."""

    _held: dict[Any, tuple[Delivery, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, row: Delivery) -> None:
        """Begin to renew a lease."""
        deadline = time.monotonic() + Policy.of(row.policy).timeout_s + MARGIN_S
        with self._lock:
            self._held[row.pk, row.lease_token] = (row, deadline)

    def remove(self, row: Delivery) -> None:
        """Stop renewing a lease."""
        with self._lock:
            self._held.pop((row.pk, row.lease_token), None)

    def renew(self) -> int:
        """Extend the leases of what still may run; one unit of database work."""
        now = time.monotonic()
        with self._lock:
            rows = [row for row, deadline in self._held.values() if deadline > now]
        if not rows:
            return 0
        mine = {
            "pk__in": [row.pk for row in rows],
            "lease_token__in": {r.lease_token for r in rows},
        }
        moment, lease = timezone.now(), timedelta(seconds=settings.III_LEASE_S)
        short = Delivery.objects.running().filter(
            leased_until__lt=moment + lease * RENEWED_BELOW, **mine
        )
        return short.update(leased_until=moment + lease)


held_leases = HeldLeases()
