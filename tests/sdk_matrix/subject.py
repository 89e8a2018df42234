"""One version under test: its worker, the engine, and what both call things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.e2e.engines import Answer, Engine
from tests.e2e.eventually import eventually
from tests.e2e.workers import Worker

from .eras import Era

SOON_S = 20.0


@dataclass(slots=True, kw_only=True)
class Subject:
    """A worker of one version; every id, path and topic it uses begins with its name."""

    engine: Engine
    worker: Worker
    era: Era
    external_url: str
    offers: dict[str, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the worker, as in ``pypi-0.9.0``."""
        return self.era.sdk.name

    def id(self, name: str) -> str:
        """Return an id of this worker's own."""
        return f"{self.name}.{name}"

    def offer(self, name: str, behaviour: str) -> str:
        """Register a function with a behaviour of the steering and return its id."""
        function_id = self.id(name)
        self.worker.do("register_function", function_id=function_id, behaviour=behaviour)
        return function_id

    def bind(self, trigger_type: str, function_id: str, /, **config: Any) -> str:
        """Register a trigger and return the key to undo it with."""
        key = f"{function_id} {trigger_type}"
        self.worker.do(
            "register_trigger",
            key=key,
            trigger_type=trigger_type,
            function_id=function_id,
            config=config,
        )
        self.settle()
        return key

    def undo(self, key: str) -> None:
        """Take back a registration, and return when the engine has heard of it."""
        self.worker.do("undo", key=key)
        self.settle()

    def settle(self) -> None:
        """Return when the engine has read everything the worker has sent."""
        self.worker.do("list_functions")

    def heard(self, function_id: str) -> Any:
        """Wait for the next call of a function that takes notes, and return its input."""
        return self.worker.event("noted", function_id=function_id, timeout_s=SOON_S)["input"]

    def answers(
        self, path: str, body: Any, wanted: Callable[[Answer], bool], *, timeout_s: float = SOON_S
    ) -> Answer:
        """Post to a route of this worker until the answer is ``wanted``."""
        ask = partial(self.engine.request, "POST", f"/{self.name}/{path}", body)
        return eventually(ask, wanted, timeout_s=timeout_s)
