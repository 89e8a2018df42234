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

from .policy import Policy


@dataclass(slots=True)
class HeldLeases:
    """What runs in this process. A run that is over its time is not renewed: it may hang."""

    _held: dict[Any, tuple[Delivery, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, row: Delivery) -> None:
        """Begin to renew a lease."""
        deadline = time.monotonic() + Policy.of(row.policy).timeout_s
        with self._lock:
            self._held[row.pk] = (row, deadline)

    def remove(self, row: Delivery) -> None:
        """Stop renewing a lease."""
        with self._lock:
            self._held.pop(row.pk, None)

    def renew(self) -> int:
        """Extend the leases of what still may run; one unit of database work."""
        now = time.monotonic()
        with self._lock:
            rows = [row for row, deadline in self._held.values() if deadline > now]
        until = timezone.now() + timedelta(seconds=settings.III_LEASE_S)
        renewed = 0
        for token in {row.lease_token for row in rows}:
            ids = [row.pk for row in rows if row.lease_token == token]
            leased = Delivery.objects.running().filter(pk__in=ids, lease_token=token)
            renewed += leased.filter(leased_until__lt=until).update(leased_until=until)
        return renewed


held_leases = HeldLeases()
