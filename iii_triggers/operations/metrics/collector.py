"""Collects the metrics: for the page of the engine, or for a registry of the site."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from django.db import Error
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from iii_triggers.engine.process import get_engine, run_async, run_sync

from .families import of_all, of_process
from .shared import Shared, SharedReader

logger = logging.getLogger(__name__)

DATABASE_S = 5.0
"""How long the database may take; Prometheus gives a scrape ten seconds."""
COLLECT_S = 10.0


@dataclass(slots=True, eq=False)
class EngineCollector(Collector):
    """The metrics of the engine, for ``registry.register(EngineCollector())``.

    It reads them when it is asked, on the loop of the engine: from any other thread.
    """

    _reader: SharedReader = field(default_factory=SharedReader)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering reads no database."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return all metrics. Raise WrongThread on the loop of the engine."""
        return run_sync(self._gather(), timeout_s=COLLECT_S)

    async def gather(self) -> list[Metric]:
        """Return all metrics; ``collect`` for async code, on any loop."""
        return await run_async(self._gather())

    async def _gather(self) -> list[Metric]:
        shared = await self._shared()
        return [*of_process(get_engine()), *of_all(shared)]

    async def _shared(self) -> Shared | None:
        try:
            async with asyncio.timeout(DATABASE_S):
                return await get_engine().database.run(self._reader.read)
        except (Error, TimeoutError):
            logger.warning("The database could not be read for the metrics.", exc_info=True)
            return None


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered(Collector):
    metrics: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


@cache
def _engine_collector() -> EngineCollector:
    return EngineCollector()


async def page(accept: str) -> tuple[bytes, str]:
    """Return the metrics of this process as text, and its content type; on any loop.

    ``accept`` is the header of the request: Prometheus may ask for OpenMetrics. Beside those of the
    engine there are those of any Python process, but none of the global registry, which is the
    site's.
    """
    metrics = await _engine_collector().gather()
    return await asyncio.to_thread(_written, metrics, accept)


def _written(metrics: list[Metric], accept: str) -> tuple[bytes, str]:
    registry = CollectorRegistry()
    registry.register(_Gathered(metrics))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    encode, content_type = _encoder(accept)
    return encode(registry), content_type


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except Exception:  # noqa: BLE001 - it raises TypeError for versions that are no numbers
        return choose_encoder("")
