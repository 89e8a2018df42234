"""The account of the stream clients: at the end each knows what the database knows."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.databases import Database

from .streams import Follower
from .words import GROUP, STREAM

STORED = (
    "SELECT item_id, value FROM iii_triggers_streamitem "
    f"WHERE stream_name = '{STREAM}' AND group_id = '{GROUP}'"
)
LOOK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsAccount:
    """What the clients went through, together."""

    clients: int
    connections: int
    syncs: int
    events: int
    stale: tuple[str, ...]
    """Where a client knows something else than the database, at the end."""
    backwards: tuple[str, ...]
    gaps: int
    """How often numbers were left out; the clients asked for them."""

    def facts(self) -> list[str]:
        """Say all that in a line."""
        line = f"{self.clients} clients, {self.connections} connections, {self.syncs} syncs, "
        return [line + f"{self.events} events, {self.gaps} gaps"]

    def failures(self) -> list[str]:
        """Name what must not be."""
        groups = {"wrong at the end": self.stale, "out of order": self.backwards}
        return [
            f"{len(found)} {what}: {'; '.join(found[:3])}"
            for what, found in groups.items()
            if found
        ]


def account(
    followers: Sequence[Follower], database: Database, *, timeout_s: float
) -> StreamsAccount:
    """Wait until all know what the database knows, or until the deadline."""
    deadline = time.monotonic() + timeout_s
    while (stale := _stale(followers, database)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return StreamsAccount(
        clients=len(followers),
        connections=sum(follower.connections for follower in followers),
        syncs=sum(follower.syncs for follower in followers),
        events=sum(follower.events for follower in followers),
        stale=tuple(stale),
        backwards=tuple(one for follower in followers for one in follower.backwards),
        gaps=sum(follower.gaps for follower in followers),
    )


def _stale(followers: Sequence[Follower], database: Database) -> list[str]:
    stored = {item_id: json.loads(value)["n"] for item_id, value in database.query(STORED)}
    return [
        f"{follower.door}: {item_id} is {follower.items.get(item_id)}, not {n}"
        for follower in followers
        for item_id, n in stored.items()
        if follower.items.get(item_id) != n
    ]
