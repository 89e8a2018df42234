"""Runs whose history is kept, and how their rows are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history import recorder
from iii_triggers.models import Invocation, InvocationPayload
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
DELIVERY = "01a218aa-896e-782f-afaa-3faa2d000001"


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    """Keep all runs."""
    with override_settings(III_HISTORY="all"):
        yield


async def rows(engine: Engine) -> list[Invocation]:
    await engine.history.flush()
    return await engine.database.run(lambda: list(Invocation.objects.order_by("id")))


async def payload_of(engine: Engine, run: Invocation) -> InvocationPayload:
    return await engine.database.run(lambda: InvocationPayload.objects.get(pk=run.pk))


def away(*_batch: Any) -> None:
    raise OperationalError


async def fail_to_flush(engine: Engine, monkeypatch: pytest.MonkeyPatch, write: Any) -> None:
    """Flush once with another ``write``, which fails as a database does that is away."""
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write", write)
        with pytest.raises(OperationalError):
            await engine.history.flush()


async def run_on(engine: Engine, worker: FakeWorker, call: Call, **answer: Any) -> None:
    engine.invoker.start(call, lambda outcome: None)
    await worker.answer(worker.invocations[-1], **answer)
