"""The workers of one engine: one process per SDK, started when first asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from .engines import Engine
from .environments import SDKS, Sdk, SdkUnavailable
from .workers import Worker


class Fleet:
    """Starts workers for an engine and ends them all."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.started: list[Worker] = []
        self._kept: dict[str, Worker] = {}

    def __getitem__(self, sdk: Sdk) -> Worker:
        """Return the worker of an SDK that tests share; skip the test if there cannot be one."""
        if sdk.name not in self._kept:
            self._kept[sdk.name] = self.start(sdk, name=sdk.name)
        return self._kept[sdk.name]

    def start(self, sdk: Sdk, *, name: str, **variables: str) -> Worker:
        """Start a worker of its own for a test; skip the test if this machine cannot.

        ``variables`` are added to its environment.
        """
        try:
            home = self.folder / name
            worker = Worker(sdk, url=self.engine.worker_url, name=name, home=home, **variables)
        except SdkUnavailable as reason:
            pytest.skip(str(reason))
        self.started.append(worker)
        worker.wait_ready()
        return worker

    def partner_of(self, sdk: Sdk) -> Worker:
        """Return the shared worker of another SDK, a different one for each."""
        return self[SDKS[(SDKS.index(sdk) + 2) % len(SDKS)]]

    def end(self) -> None:
        """End every worker."""
        for worker in self.started:
            worker.kill()
