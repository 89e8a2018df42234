"""Functions behind URLs that another process knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from tests.support.http_target import HttpTarget
from tests.support.workers import FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]


async def known(engine: Engine, here: Engine, worker: FakeWorker, url: str) -> None:
    """Register ``f`` behind a URL on one engine and let the other see it."""
    await worker.send("registerfunction", id="f", invocation={"url": url})
    await publish_rows(engine)
    await here.refresh()


async def test_the_process_that_knows_the_url_calls_it(
    here: Engine, there: Engine, offer: Offer, target: HttpTarget
) -> None:
    worker = await offer(there)
    await known(there, here, worker, target.url)
    assert await ainvoke("f", {"a": 1}) == {"ok": True}
    assert target.requests[0].json == {"a": 1}


async def test_a_worker_elsewhere_goes_before_a_url_here(
    here: Engine, there: Engine, offer: Offer, target: HttpTarget
) -> None:
    near = await offer(here)
    await known(here, here, near, target.url)
    far = await offer(there, "f")
    await near.start_call("f", invocation_id="1")
    await far.answer((await far.transport.receive("invokefunction"))[0], result="far")
    assert (await near.transport.receive("invocationresult", 2))[1]["result"] == "far"
    assert target.requests == []


async def test_a_url_here_goes_before_one_elsewhere(
    here: Engine, there: Engine, offer: Offer, target: HttpTarget
) -> None:
    far, near = await offer(there), await offer(here)
    await known(there, here, far, "http://127.0.0.1:9/")
    await known(here, here, near, target.url)
    assert await ainvoke("f") == {"ok": True}


async def test_errors_come_back_with_their_code(
    here: Engine, there: Engine, offer: Offer, target: HttpTarget
) -> None:
    target.reply({"error": {"code": "gone", "message": "No."}}, status="404 X")
    await known(there, here, await offer(there), target.url)
    with pytest.raises(Exception, match=r"^No\.$") as failed:
        await ainvoke("f")
    assert getattr(failed.value, "code", None) == "gone"
