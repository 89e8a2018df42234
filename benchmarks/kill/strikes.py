"""One process after the other is killed and started again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from benchmarks.cluster.cluster import LOOK_S, START_S, Cluster
from benchmarks.redis_server import RedisServer
from benchmarks.soak.publishing import MODULES as PUBLISHERS

from .outages import Outage, Outages
from .registrations import missing

REDIS = "Redis"
LOGGED = 1000
"""How many lines are shown of a process that ended by itself."""
GIVEN_UP = "Unrecoverable error: AttributeError(\"'NoneType' object has no attribute 'hostname'\")"
"""What a Celery worker (5.7) says that loses Redis with messages in its hands: then it ends."""
DOWN_S = (0.3, 2.0)
CALM_S = (1.0, 2.5)
RESTORED_S = 60.0
"""After which time a registration that is not back counts as lost."""


class Strikes:
    """Kills, starts again, and waits until everything is as it was."""

    def __init__(
        self,
        cluster: Cluster,
        redis: RedisServer,
        chance: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self.say = say
        self.outages = Outages()
        self.failures: list[str] = []
        self.facts: list[str] = []
        self._cluster = cluster
        self._redis = redis
        self._chance = chance

    def strike(self, names: Sequence[str], *, seconds: float) -> None:
        """Strike each of the processes at least once, and go on until the time is over."""
        began = time.monotonic()
        waiting: list[str] = []
        while not self.outages.all or waiting or time.monotonic() - began < seconds:
            waiting = waiting or self._chance.sample(names, len(names))
            time.sleep(self._chance.uniform(*CALM_S))
            outage = self._hit(waiting.pop())
            back_s = outage.back_at - outage.killed_at
            restored_s = outage.restored_at - outage.back_at
            self.say(f"  {outage.name}: away {back_s:.1f} s, restored {restored_s:.1f} s later")

    def wait_restored(self) -> bool:
        """Wait until all is registered that should be; tell whether it is."""
        deadline = time.monotonic() + RESTORED_S
        while problem := missing(self._cluster):
            if time.monotonic() > deadline:
                self.failures.append(f"not restored: {problem}")
                return False
            time.sleep(LOOK_S)
        return True

    def _look_for_ended(self) -> None:
        """Start processes again that ended although nobody killed them, as a supervisor does."""
        crew = self._cluster.site.crew
        for process in crew.ended():
            if process.name in PUBLISHERS:
                continue
            if process.name in self._cluster.celery and GIVEN_UP in process.tail(LOGGED):
                self.facts.append(f"{process.name} gave up without Redis, and was started again")
            else:
                self.failures.append(f"{process.name} ended with {process.wait()}")
                self.say(process.tail(LOGGED))
            crew.restart(process.name)

    def _hit(self, name: str) -> Outage:
        outage = Outage(name=name, killed_at=time.monotonic())
        self.outages.all.append(outage)
        if name == REDIS:
            self._redis.kill()
            outage.gone_at = time.monotonic()
            time.sleep(self._chance.uniform(*DOWN_S))
            self._redis.start()
        else:
            self._cluster.site.crew.kill(name)
            outage.gone_at = time.monotonic()
            time.sleep(self._chance.uniform(*DOWN_S))
            self._cluster.site.crew.restart(name)
            if name in self._cluster.names:
                self._cluster.wait_ready(name, timeout_s=START_S)
        outage.back_at = time.monotonic()
        self._look_for_ended()
        if not self.wait_restored():
            self.failures[-1] += f" after {name} was killed"
        outage.restored_at = time.monotonic()
        return outage
