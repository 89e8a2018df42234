"""A trace that goes through two processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.trace import SpanKind

from iii_triggers.engine.core import Engine
from tests.support.spans import Kept, is_child, kept, out_of
from tests.support.workers import FakeWorker

from .calling import asked, start

__all__ = ["kept"]

Offer = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture(autouse=True)
def set_up(kept: Kept) -> None:
    """Before the engines start."""


async def test_each_process_has_a_span_and_the_worker_gets_the_nearest(
    kept: Kept, here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    call = start(here, {"n": 1})
    invocation = await asked(worker)
    await worker.answer(invocation, result=1)
    await call
    near, far = kept.spans
    assert (near.kind, far.kind) == (SpanKind.CLIENT, SpanKind.CLIENT)
    assert near.attributes is not None
    assert far.attributes is not None
    assert "iii.worker.id" in near.attributes
    assert far.attributes["iii.node.id"] == there.node.node_id
    assert is_child(near, far)
    assert invocation["traceparent"] == out_of(near)
