"""The fuzzer itself, a process of its own.

``python -m benchmarks.fuzz.attack '<Attack as JSON>'`` sends the frames it was told to, over
connections that come and go in every way, and prints a Toll as JSON. Loopback only.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import uvloop

from .frames import Frames
from .questions import new_channel
from .wire import CLOSE, PING, PONG, TEXT, Wire, pack, pack_message, violation

HOST = "127.0.0.1"
VIOLATIONS = 0.001
CONTROLS = 0.01
LONGEST_SESSION = 3000
BATCH = 20
LAST_FRAMES_S = 60.0
SILENCE_S = 0.5
END = b"that was all of it"


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: ``functions`` are the engine's own, ``longest_s`` ends it in any case."""

    worker_port: int
    stream_port: int
    seed: str
    frames: int
    connections: int
    longest_s: float
    functions: list[str]


class Toll(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, and how sessions ended."""

    frames: int
    sessions: int
    seconds: float
    endings: dict[str, int]


class Attacker:
    """Sends frames over one connection after the other."""

    def __init__(self, attack: Attack) -> None:
        self._attack = attack
        self._left = attack.frames
        self.endings: Counter[str] = Counter()

    @property
    def sent(self) -> int:
        """How many frames have been sent."""
        return self._attack.frames - self._left

    async def run(self, number: int) -> None:
        """Attack on one connection at a time until all frames are sent."""
        chance = random.Random(f"{self._attack.seed} {number}")
        frames = Frames(chance, functions=self._attack.functions)
        while self._left > 0:
            try:
                await self._session(chance, frames)
            except (OSError, TimeoutError) as error:
                self.endings[type(error).__name__] += 1

    async def _session(self, chance: random.Random, frames: Frames) -> None:
        port, path = await self._target(chance)
        wire = await Wire.open(host=HOST, port=port, path=path)
        is_deaf = chance.random() < 0.02
        if is_deaf:
            wire.stop_reading()
        left = chance.randint(1, LONGEST_SESSION)
        stands = True
        source = iter(frames)
        while stands and left > 0 and self._left > 0:
            count = min(BATCH, left, self._left)
            parts = [pack_message(next(source), chance) for _ in range(count)]
            if chance.random() < CONTROLS * count:
                parts.append(pack(chance.choice((PING, PONG)), chance.randbytes(9)))
            if chance.random() < VIOLATIONS * count:
                parts.append(violation(chance))
            self._left -= count
            left -= count
            stands = await wire.send(b"".join(parts))
        if stands and not is_deaf:
            is_worker = path == "/" and port == self._attack.worker_port
            if not await _is_handled(wire, is_worker=is_worker):
                self.endings["unanswered" if is_worker else "unanswered by a side door"] += 1
        await self._end(wire, chance, stands=stands)

    async def _target(self, chance: random.Random) -> tuple[int, str]:
        drawn = chance.random()
        if drawn < 0.06:
            return self._attack.stream_port, "/"
        if drawn < 0.10:
            return self._attack.worker_port, "/otel"
        if drawn < 0.13:
            path = await new_channel(HOST, self._attack.worker_port)
            return self._attack.worker_port, path + chance.choice(("write", "read", "both"))
        return self._attack.worker_port, "/"

    async def _end(self, wire: Wire, chance: random.Random, *, stands: bool) -> None:
        endings: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "closed": lambda: _close(wire),
            "half-closed": lambda: _half_close(wire),
            "aborted": lambda: _abort(wire),
            "fell silent": lambda: _fall_silent(wire),
        }
        ending = chance.choice(list(endings)) if stands else "not read or ended by the engine"
        self.endings[ending] += 1
        if stands:
            await endings[ending]()
        wire.transport.abort()


async def _is_handled(wire: Wire, *, is_worker: bool) -> bool:
    """Return when the engine has handled all frames of the connection; False if it does not."""
    if not is_worker:
        return await wire.ask(pack(PING, END), END)
    call = b'{"type":"invokefunction","function_id":"nothing","invocation_id":"%s"}' % END
    return await wire.ask(pack(TEXT, call), END)


async def _close(wire: Wire) -> None:
    await wire.send(pack(CLOSE, b"\x03\xe8"))
    await _wait_ended(wire)


async def _half_close(wire: Wire) -> None:
    wire.half_close()
    await _wait_ended(wire)


async def _abort(wire: Wire) -> None:
    wire.transport.abort()


async def _fall_silent(wire: Wire) -> None:
    await _wait_ended(wire)


async def _wait_ended(wire: Wire) -> None:
    try:
        async with asyncio.timeout(SILENCE_S):
            await wire.ended.wait()
    except TimeoutError:
        return


async def run(attack: Attack) -> Toll:
    """Carry out an attack."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    attacker = Attacker(attack)
    try:
        async with asyncio.timeout(attack.longest_s):
            await asyncio.gather(*(attacker.run(number) for number in range(attack.connections)))
    except TimeoutError:
        attacker.endings["out of time"] += 1
    return Toll(
        frames=attacker.sent,
        sessions=sum(attacker.endings.values()),
        seconds=round(loop.time() - started, 1),
        endings=dict(attacker.endings),
    )


def main() -> None:
    """Carry out the attack in the first argument."""
    attack = msgspec.json.decode(sys.argv[1], type=Attack)
    print(msgspec.json.encode(uvloop.run(run(attack))).decode())


if __name__ == "__main__":
    main()
