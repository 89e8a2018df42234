"""Ticks of cron, one after the other: ``python -m benchmarks.ledger.tick COUNT``.

Prints a list of TickCost as JSON.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter

import django
import msgspec
from django.utils import timezone

from .ticks import TickCost

TRIGGERS = 10_000
AT_ONCE = 10
FUNCTION = "ledger.nothing"


def main(count: int) -> None:
    """Measure ``count`` ticks at which nothing is due, and as many at which ten triggers are."""
    midnight = _tomorrow()
    _add_triggers(midnight)
    before = [midnight - timedelta(minutes=number + 1) for number in range(count)]
    after = [midnight + timedelta(minutes=number) for number in range(count)]
    costs = [
        _cost(due, [_tick(now, due) for now in times])
        for due, times in ((0, before), (AT_ONCE, after))
    ]
    print(msgspec.json.encode(costs).decode(), flush=True)


def _tomorrow() -> datetime:
    day = timezone.now() + timedelta(days=1)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def _add_triggers(midnight: datetime) -> None:
    """Add triggers that are due tomorrow, ten at each minute."""
    from iii_triggers.models import Trigger

    minutes = [number // AT_ONCE for number in range(TRIGGERS)]
    Trigger.objects.bulk_create(
        Trigger(
            trigger_id=f"tick-{number}",
            trigger_type="cron",
            function_id=FUNCTION,
            config={"schedule": f"{minute % 60} {minute // 60} * * *"},
            identity=f"{number:064}",
            next_fire_at=midnight + timedelta(minutes=minute),
        )
        for number, minute in enumerate(minutes)
    )


def _tick(now: datetime, due: int) -> float:
    """Return the milliseconds of one tick."""
    from iii_triggers.trigger_types.cron.firing import fire_due

    started = perf_counter()
    fired = fire_due(now)
    took_ms = (perf_counter() - started) * 1000
    if fired != due:
        raise RuntimeError(f"{fired} triggers fired, not {due}")
    return took_ms


def _cost(due: int, ticks_ms: list[float]) -> TickCost:
    return TickCost(triggers=TRIGGERS, due=due, p50_ms=median(ticks_ms), max_ms=max(ticks_ms))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
