"""How long "no result" may turn into a streamed response.

The writers of SDKs connect when they are first written to, and a function need not wait for that:
its empty result may be here before its socket is. The gap is a round trip or two (connect,
upgrade), so it is measured on what the worker's calls take.
"""

from __future__ import annotations

from iii_triggers.conf import settings
from iii_triggers.engine.connections import WorkerConnection

ROUND_TRIPS = 3
MAX_EXTRA_S = 0.4
FIRST_WITH_CHANNELS = {"python": (0, 4, 0), "node": (0, 9, 0)}


def grace_s(worker: WorkerConnection | None, *, elapsed_s: float) -> float:
    """Return how many seconds the worker that returned nothing has to begin a response.

    ``elapsed_s`` is what the call took; no round trip of the worker is longer than the fastest.

    None for functions of the site, which take their channel before they return; for workers of
    other nodes, which cannot take it; and for SDKs that have no channels.
    """
    if worker is None or not _has_channels(worker):
        return 0.0
    worker.round_trip_s = min(worker.round_trip_s, elapsed_s)
    extra_s = min(ROUND_TRIPS * worker.round_trip_s, MAX_EXTRA_S)
    return settings.III_STREAM_GRACE_MS / 1000 + extra_s


def _has_channels(worker: WorkerConnection) -> bool:
    first = FIRST_WITH_CHANNELS.get(worker.info.runtime)
    version = worker.sdk_version
    return first is None or version is None or version >= first
