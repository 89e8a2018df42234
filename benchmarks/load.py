"""The load generator: a process of its own that keeps connections busy with one request.

``python -m benchmarks.load '<Order as JSON>'`` prints a Measurement as JSON. It talks to the
loopback interface only and is bounded in time and in requests.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from time import perf_counter
from typing import cast

import msgspec
import uvloop

HOST = "127.0.0.1"
MAX_REQUESTS = 10_000_000
MAX_CONNECTIONS = 256
CONNECT_S = 10.0
LAST_ANSWER_S = 30.0

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length:"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: ``request`` is what goes over the wire, body included."""

    port: int
    request: bytes
    connections: int
    warm_up_s: float
    seconds: float


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured after the warm-up; ``statuses`` counts every answer by its status."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]

    @property
    def answered(self) -> int:
        """How many requests were answered, those of the warm-up included; at least 1."""
        return max(sum(self.statuses.values()), 1)


class Load:
    """What the connections share: the clock, the answers so far, and the end."""

    def __init__(self, order: Order) -> None:
        self.request = order.request
        self.measured_from = perf_counter() + order.warm_up_s
        self.measured_to = self.measured_from + order.seconds
        self.latencies_s: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.sent = 0

    def takes_more(self, now: float) -> bool:
        """Count another request, unless time or requests are used up."""
        self.sent += 1
        return now < self.measured_to and self.sent <= MAX_REQUESTS

    def answered(self, status: bytes, *, sent_at: float, now: float) -> None:
        """Note an answer."""
        self.statuses[status.decode("latin-1")] += 1
        if self.measured_from <= now < self.measured_to:
            self.latencies_s.append(now - sent_at)

    def measurement(self, seconds: float) -> Measurement:
        """Sum up."""
        ordered = sorted(self.latencies_s) or [0.0]
        return Measurement(
            requests_per_s=len(self.latencies_s) / seconds,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
            statuses=dict(self.statuses),
        )


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self, load: Load) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._load = load
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send(perf_counter())

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, usually all of it."""
        received = self._received = self._received + data if self._received else data
        end = received.find(HEAD_END)
        if end < 0 or len(received) < end + len(HEAD_END) + _content_length(received[:end]):
            return
        now = perf_counter()
        self._load.answered(received[9:12], sent_at=self._sent_at, now=now)
        self._received = b""
        self._send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report a connection that the server ended."""
        if not self.ended.done():
            self._load.statuses["connection lost"] += 1
            self.ended.set_result(None)

    def _send(self, now: float) -> None:
        if self._load.takes_more(now):
            self._sent_at = now
            self._transport.write(self._load.request)
        else:
            self.ended.set_result(None)
            self._transport.close()


def _content_length(head: bytes) -> int:
    start = head.lower().find(LENGTH)
    if start < 0:
        return 0
    return int(head[start + len(LENGTH) :].split(b"\r\n", 1)[0])


async def measure(order: Order) -> Measurement:
    """Keep ``order.connections`` connections busy for the ordered time."""
    loop = asyncio.get_running_loop()
    load = Load(order)
    connections = []
    async with asyncio.timeout(CONNECT_S):
        for _ in range(min(order.connections, MAX_CONNECTIONS)):
            _, connection = await loop.create_connection(lambda: Connection(load), HOST, order.port)
            connections.append(connection)
    async with asyncio.timeout(order.warm_up_s + order.seconds + LAST_ANSWER_S):
        await asyncio.gather(*(connection.ended for connection in connections))
    return load.measurement(order.seconds)


def main() -> None:
    """Carry out the order in the first argument."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    gc.disable()
    print(msgspec.json.encode(uvloop.run(measure(order))).decode())


if __name__ == "__main__":
    main()
