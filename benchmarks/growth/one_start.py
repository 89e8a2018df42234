"""Starts an engine once and prints what that took: ``python -m benchmarks.growth.one_start``."""

from __future__ import annotations

import asyncio
import time

import django
import msgspec


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """From ``engine.start()`` until it runs: by the clock, and of the processor."""

    wall_s: float
    cpu_s: float
    triggers: int


async def start() -> Start:
    """Start the engine, and stop it."""
    from iii_triggers.engine.core import Engine

    engine = Engine()
    wall, cpu = time.perf_counter(), time.process_time()
    await engine.start()
    took = time.perf_counter() - wall, time.process_time() - cpu
    triggers = sum(entry.state == "active" for entry in engine.triggers.entries())
    await engine.stop()
    return Start(wall_s=round(took[0], 3), cpu_s=round(took[1], 3), triggers=triggers)


def main() -> None:
    """Print a Start as JSON."""
    django.setup()
    print(msgspec.json.encode(asyncio.run(start())).decode())


if __name__ == "__main__":
    main()
