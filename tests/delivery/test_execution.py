"""Running a delivery: the function gets its input, the row gets its outcome."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from iii_triggers import ainvoke
from iii_triggers.context import current_invocation
from iii_triggers.delivery import execution
from iii_triggers.delivery.claims import claim
from iii_triggers.delivery.execution import invocation_metadata, run_delivery
from iii_triggers.delivery.leases import held_leases
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.sweeping import release_lost_leases
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Delivery, Node
from iii_triggers.protocol.errors import InvocationTimeout
from tests.support.site import declare
from tests.support.threads import in_thread, race
from tests.support.workers import FakeWorker

Make = Callable[..., Delivery]
Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


@pytest.fixture
def offer(engine: Engine) -> Callable[[str, Callable[..., Any]], None]:
    """Have a function of the site: ``offer("f", handler)``."""

    def offer(function_id: str, handler: Callable[..., Any]) -> None:
        engine.functions.add_local(declare(engine.site, function_id, handler))

    return offer


async def make_one(make: Make, **facts: Any) -> str:
    row = await in_thread(partial(make, **facts))
    return str(row.pk)


async def run(delivery_id: str) -> bool:
    """Run as a Celery worker does, in a thread that may block."""
    return await in_thread(run_delivery, delivery_id)


async def row() -> Delivery:
    return await in_thread(Delivery.objects.get)


Offer = Callable[[str, Callable[..., Any]], None]


class TestFunctions:
    """Who runs it, and with what."""

    @pytest.mark.parametrize("data", [b'{"a":[1]}', b"[1]", b'"text"', b"0", b"false", b"null"])
    async def test_a_plain_function_gets_the_data_and_nothing_else(
        self, make: Make, offer: Offer, data: bytes
    ) -> None:
        heard: list[Any] = []
        offer("f", heard.append)
        assert await run(await make_one(make, payload=data)) is True
        assert heard == [json.loads(data)]
        assert (await row()).state == "succeeded"

    async def test_an_async_function_knows_about_its_delivery(
        self, make: Make, offer: Offer
    ) -> None:
        heard: list[Any] = []

        async def handler(data: Any) -> None:
            invocation = current_invocation()
            assert invocation is not None
            heard.append((invocation.metadata, invocation.traceparent))

        offer("f", handler)
        delivery_id = await make_one(
            make, topic="orders", metadata={"team": "web"}, traceparent="00-1-2-01"
        )
        await run(delivery_id)
        facts = {"team": "web", "delivery_id": delivery_id, "attempt": 1, "topic": "orders"}
        assert heard == [(facts, "00-1-2-01")]

    async def test_attempts_are_counted_for_the_function(self, make: Make, offer: Offer) -> None:
        attempts: list[int] = []

        def fail(data: Any) -> None:
            invocation = current_invocation()
            assert invocation is not None
            attempts.append(invocation.metadata["attempt"])
            raise ValueError("no")

        offer("f", fail)
        delivery_id = await make_one(make, policy=Policy(backoff_ms=0))
        for _ in range(5):
            await run(delivery_id)
        assert attempts == [1, 2, 3]
        assert ((await row()).state, (await row()).error) == ("dead", "no")

    async def test_a_worker_gets_it(self, make: Make, connect: Connect) -> None:
        worker = await connect("f")
        delivery_id = await make_one(make, payload=b'{"n":1}', metadata=[1], topic="orders")
        running = asyncio.create_task(run(delivery_id))
        (invocation,) = await worker.transport.receive("invokefunction")
        assert invocation["data"] == {"n": 1}
        assert invocation["metadata"] == {
            "trigger_metadata": [1],
            "delivery_id": delivery_id,
            "attempt": 1,
            "topic": "orders",
        }
        await worker.answer(invocation, result={"status_code": 500})
        assert await running is True
        assert (await row()).state == "succeeded"

    async def test_one_of_another_namespace(self, make: Make, connect: Connect) -> None:
        worker = await connect()
        worker.connection.namespace = "tenant"
        await worker.offer("f")
        running = asyncio.create_task(run(await make_one(make, namespace="tenant")))
        (invocation,) = await worker.transport.receive("invokefunction")
        await worker.answer(invocation)
        await running
        assert (await row()).state == "succeeded"

    def test_what_the_function_learns_cannot_be_faked(self, make: Make) -> None:
        delivery = make(metadata={"attempt": 99, "delivery_id": "x"})
        assert invocation_metadata(delivery) == {"attempt": 0, "delivery_id": str(delivery.pk)}


class TestFailures:
    """What goes wrong counts, or waits."""

    async def test_an_error_of_the_worker(self, make: Make, connect: Connect) -> None:
        worker = await connect("f")
        running = asyncio.create_task(run(await make_one(make)))
        (invocation,) = await worker.transport.receive("invokefunction")
        await worker.answer(invocation, error={"code": "E", "message": "no"})
        await running
        delivery = await row()
        assert (delivery.state, delivery.error_code, delivery.error) == ("retry", "E", "no")

    async def test_a_worker_that_goes_in_the_middle(self, make: Make, connect: Connect) -> None:
        worker = await connect("f")
        running = asyncio.create_task(run(await make_one(make)))
        await worker.transport.receive("invokefunction")
        await worker.leave()
        await running
        delivery = await row()
        assert (delivery.state, delivery.attempts) == ("retry", 1)
        assert delivery.error_code == "invocation_stopped"

    async def test_a_socket_that_is_dead_already_is_a_function_that_is_away(
        self, make: Make, connect: Connect
    ) -> None:
        worker = await connect("f")
        worker.transport.is_broken = True
        await run(await make_one(make))
        delivery = await row()
        assert (delivery.state, delivery.waits_for, delivery.attempts) == ("queued", "function", 0)

    async def test_a_function_that_is_not_there(self, make: Make, engine: Engine) -> None:
        assert await run(await make_one(make)) is True
        delivery = await row()
        assert (delivery.waits_for, delivery.attempts) == ("function", 0)
        assert delivery.error_code == "function_not_found"
        assert "f not found" in delivery.error

    async def test_a_function_that_calls_one_that_is_not_there_has_failed(
        self, make: Make, offer: Offer
    ) -> None:
        async def handler(data: Any) -> None:
            await ainvoke("missing")

        offer("f", handler)
        await run(await make_one(make))
        delivery = await row()
        assert (delivery.state, delivery.error_code) == ("retry", "function_not_found")

    async def test_a_function_that_takes_too_long(self, make: Make, connect: Connect) -> None:
        await connect("f")
        await run(await make_one(make, policy=Policy(timeout_ms=20)))
        delivery = await row()
        assert (delivery.state, delivery.error_code) == ("retry", "TIMEOUT")

    async def test_one_that_is_stuck_beyond_its_time_is_given_up(
        self, make: Make, offer: Offer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when the loop of the engine hangs."""
        monkeypatch.setattr(execution, "MARGIN_S", 0)

        async def never(*args: Any) -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(execution, "_invoke", never)
        await run(await make_one(make, policy=Policy(timeout_ms=20)))
        assert (await row()).error_code == "TIMEOUT"

    async def test_an_error_of_ours_is_a_failure_with_a_trace(
        self,
        make: Make,
        engine: Engine,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def fail(call: Any) -> Any:
            raise KeyError("x")

        monkeypatch.setattr(engine, "invoke_fresh", fail)
        await run(await make_one(make))
        assert (await row()).error_code == "internal_error"
        assert "KeyError" in caplog.text


class TestConditions:
    """A function that is asked first."""

    @pytest.mark.parametrize(
        ("answer", "state"),
        [(False, "skipped"), (True, "succeeded"), (None, "succeeded"), (0, "succeeded")],
    )
    async def test_only_a_plain_false_says_no(
        self, make: Make, offer: Offer, answer: Any, state: str
    ) -> None:
        heard: list[Any] = []

        def ask(data: Any) -> Any:
            heard.append(data)
            return answer

        offer("ask", ask)
        offer("f", heard.append)
        policy = Policy(condition_function_id="ask")
        await run(await make_one(make, payload=b"1", policy=policy))
        assert (await row()).state == state
        assert heard == ([1] if state == "skipped" else [1, 1])

    @pytest.mark.parametrize("is_there", [True, False])
    @pytest.mark.parametrize(("means", "state"), [("fail", "retry"), ("skip", "skipped")])
    async def test_its_error_fails_the_attempt_or_skips_it(
        self, make: Make, offer: Offer, means: Any, state: str, is_there: bool
    ) -> None:
        def ask(data: Any) -> Any:
            raise ValueError("no")

        if is_there:
            offer("ask", ask)
        offer("f", lambda data: None)
        policy = Policy(condition_function_id="ask", condition_error=means)
        await run(await make_one(make, policy=policy))
        delivery = await row()
        assert (delivery.state, delivery.waits_for, delivery.attempts) == (state, "", 1)
        if state == "retry":
            code = "invocation_failed" if is_there else "function_not_found"
            assert delivery.error_code == code


class TestStopping:
    """A process that stops undoes what it did not do."""

    async def test_nothing_is_begun(self, make: Make, engine: Engine, offer: Offer) -> None:
        heard: list[Any] = []
        offer("f", heard.append)
        engine.draining = True
        assert await run(await make_one(make)) is True
        delivery = await row()
        assert (delivery.state, delivery.attempts, heard) == ("queued", 0, [])
        assert delivery.send_at is not None
        assert delivery.send_at <= timezone.now()

    async def test_what_runs_is_given_back(
        self, make: Make, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        running = asyncio.create_task(run(await make_one(make)))
        await worker.transport.receive("invokefunction")
        engine.draining = True
        await engine.invoker.stop()
        await running
        assert ((await row()).state, (await row()).attempts) == ("queued", 0)

    @pytest.mark.parametrize("error", [CancelledError(), InvocationTimeout()])
    async def test_a_loop_that_ends_gives_it_back(
        self, make: Make, engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def end(work: Any, *, timeout_s: float) -> Any:
            work.close()
            engine.draining = True
            raise error

        monkeypatch.setattr(execution, "run_sync", end)
        await run(await make_one(make))
        assert ((await row()).state, (await row()).attempts) == ("queued", 0)


class TestOnce:
    """However many messages there are."""

    async def test_what_is_done_is_not_run_again(self, make: Make, offer: Offer) -> None:
        heard: list[Any] = []
        offer("f", heard.append)
        delivery_id = await make_one(make)
        assert [await run(delivery_id) for _ in range(3)] == [True, False, False]
        assert len(heard) == 1

    async def test_two_threads_run_one_delivery_once(self, make: Make, offer: Offer) -> None:
        heard: list[Any] = []
        offer("f", heard.append)
        delivery_id = await make_one(make)
        ran = await in_thread(race, *[lambda: run_delivery(delivery_id)] * 4)
        assert sorted(ran) == [False, False, False, True]
        assert len(heard) == 1

    async def test_an_id_that_is_none_is_nothing(
        self, make: Make, offer: Offer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And harms nobody who is claimed with it."""
        offer("f", lambda data: None)
        good = await make_one(make)
        ran = await in_thread(race, lambda: run_delivery("?"), lambda: run_delivery(good))
        assert ran == [False, True]
        assert "could not be claimed" in caplog.text

    async def test_a_run_that_lost_its_lease_says_nothing(
        self, make: Make, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        worker = await connect("f")
        running = asyncio.create_task(run(await make_one(make)))
        (invocation,) = await worker.transport.receive("invokefunction")
        past = timezone.now() - timedelta(seconds=1)
        await in_thread(partial(Delivery.objects.update, leased_until=past))
        assert await in_thread(release_lost_leases) == 1
        await worker.answer(invocation)
        assert await running is True
        assert (await row()).state == "retry"
        assert "lost its lease" in caplog.text


class TestDatabase:
    """A database that is away is no reason to raise."""

    async def test_at_the_claim(
        self,
        make: Make,
        offer: Offer,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(*args: Any, **options: Any) -> Any:
            raise OperationalError("away")

        offer("f", lambda data: None)
        delivery_id = await make_one(make)
        with monkeypatch.context() as patch:
            patch.setattr(execution, "claim", fail)
            assert await run(delivery_id) is False
        assert "could not be claimed" in caplog.text
        assert await run(delivery_id) is True

    async def test_at_the_outcome(
        self,
        make: Make,
        offer: Offer,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(outcomes: Any) -> Any:
            raise OperationalError("away")

        offer("f", lambda data: None)
        delivery_id = await make_one(make)
        monkeypatch.setattr(execution.outcomes, "_work", fail)
        assert await run(delivery_id) is True
        assert "could not be written" in caplog.text
        assert (await row()).state == "leased"
        assert await in_thread(held_leases.renew) == 0

    async def test_at_the_start_of_the_engine(
        self, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> Any:
            raise OperationalError("away")

        delivery_id = await make_one(make)
        monkeypatch.setattr(process_engine.__class__, "start_in_background", lambda self: fail())
        assert await run(delivery_id) is False
        assert (await row()).attempts == 0


class TestLeases:
    """A lease is held while the function runs."""

    async def test_is_renewed_with_every_heartbeat(
        self, make: Make, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        running = asyncio.create_task(run(await make_one(make)))
        (invocation,) = await worker.transport.receive("invokefunction")
        short = timezone.now() + timedelta(seconds=1)
        await in_thread(partial(Delivery.objects.update, leased_until=short))
        goes_on = threading.Event()
        write = asyncio.ensure_future(engine.database.run(goes_on.wait))
        await engine._beat()
        assert not write.done(), "a long write is no reason to lose leases"
        goes_on.set()
        await write
        until = (await row()).leased_until
        assert until is not None
        assert until > short
        await worker.answer(invocation)
        await running
        await engine._beat()
        assert (await row()).leased_until is None

    async def test_is_renewed_by_one_step_however_many_run(
        self, make: Make, engine: Engine, offer: Offer
    ) -> None:
        offer("f", lambda data: None)
        for _ in range(3):
            await run(await make_one(make))
        assert engine.heart.on_beat.count(held_leases.renew) == 1

    def test_nothing_is_claimed_by_a_node_without_a_row(
        self, background: None, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sweeper would free it at once."""
        seen: list[int] = []

        def look(*args: Any, **options: Any) -> Any:
            seen.append(Node.objects.filter(node_id=options["node_id"]).count())
            return claim(*args, **options)

        monkeypatch.setattr(execution, "claim", look)
        assert run_delivery(str(make().pk)) is True
        assert seen == [1]
        assert Delivery.objects.get().waits_for == "function"


@pytest.fixture
def background(make: Make, quiet: None, site: SiteFunctions) -> Iterator[None]:
    """A process without an engine, until it needs one."""
    process_engine.replace(Engine(site=site))
    yield
    process_engine.stop_in_background()
    for thread in threading.enumerate():
        if thread.name == "iii-engine":
            thread.join(5)
    process_engine.replace(None)
