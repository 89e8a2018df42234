"""What workers under rules must not take from others, seen from their side."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.access import sessions
from iii_triggers.engine.access.rules import Hooks, Rules
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.core import Engine
from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import LimitExceeded
from iii_triggers.trigger_types.http.registrator import HttpTriggerType
from tests.support.workers import FakeWorker, provided

from .conftest import Guest, rules

ALL = rules('match("*")', forbidden_functions=("secret",))


def offered(engine: Engine, function_id: str, namespace: str = "default") -> bool:
    return bool(engine.functions.offers_of((namespace, function_id)))


def serves(engine: Engine, path: str) -> Any:
    http = engine.trigger_type("http")
    assert isinstance(http, HttpTriggerType)
    match: Any = http.routes.match("GET", path)
    return match.target.trigger.id


class TestTriggerTypes:
    async def test_a_built_in_type_is_not_provided_in_another_namespace(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host = await connect(namespace="orders")
        await host.bind("one", "http", config={"api_path": "one", "http_method": "GET"})
        worker = await guest(ALL)
        await worker.send("registertriggertype", id="http", namespace="orders", description="")
        assert provided(engine) == []
        assert worker.transport.of_type("registertrigger") == []
        assert serves(engine, "/one") == "one"

    async def test_nor_is_the_type_of_another_worker(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        provider, host = await connect(), await connect(namespace="orders")
        await provider.send("registertriggertype", id="mine", description="")
        await host.bind("one", "mine", config={"password": "x"})
        worker = await guest(ALL)
        await worker.send("registertriggertype", id="mine", namespace="orders", description="")
        assert provided(engine) == ["mine"]
        assert worker.transport.of_type("registertrigger") == []
        assert provider.transport.of_type("unregistertrigger") == []


class TestRoutes:
    CONFIG = {"api_path": "pay/:id", "http_method": "GET"}

    async def test_the_route_of_another_worker_is_taken(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, worker = await connect("f"), await guest(ALL)
        await host.bind("theirs", "http", config=self.CONFIG)
        await worker.bind("ours", "api", config=self.CONFIG)
        (refusal,) = await worker.transport.receive("triggerregistrationresult")
        assert refusal["error"]["code"] == "FORBIDDEN"
        assert serves(engine, "/pay/1") == "theirs"

    async def test_also_for_triggers_that_outlive_their_worker(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, worker = await connect("f"), await guest(ALL)
        await host.bind("theirs", "http", config=self.CONFIG)
        wish = {"trigger_type": "http", "function_id": "f", "config": self.CONFIG}
        result = await worker.call("engine::register_trigger", wish)
        assert result["error"]["code"] == "FORBIDDEN"
        assert serves(engine, "/pay/1") == "theirs"
        assert await engine.database.run(Trigger.objects.filter(source="api").count) == 0

    async def test_replicas_share_one(self, engine: Engine, guest: Guest) -> None:
        one, other = await guest(ALL), await guest(ALL)
        await one.bind("one", "http", config=self.CONFIG)
        await other.bind("other", "http", config=self.CONFIG)
        await other.bind("broken", "http", config={"api_path": 7})
        assert serves(engine, "/pay/1") == "other"


class TestOrigin:
    """The origin of the site, with the cookies of its people, is not for strangers."""

    POWERS = [
        {"pass_headers": ["cookie"]},
        {"allow_html": True},
        {"allow_set_cookie": True},
    ]

    @pytest.mark.parametrize("power", POWERS)
    async def test_a_worker_under_rules_has_no_power_over_it(
        self, engine: Engine, guest: Guest, power: Any
    ) -> None:
        worker, config = await guest(ALL), {"api_path": "a", **power}
        await worker.bind("one", "api", config=config)
        (refusal,) = await worker.transport.receive("triggerregistrationresult")
        assert refusal["error"]["code"] == "FORBIDDEN"
        wish = {"trigger_type": "http", "function_id": "f", "config": config}
        result = await worker.call("engine::register_trigger", wish)
        assert result["error"]["code"] == "FORBIDDEN"
        assert engine.triggers.get("one") is None

    async def test_unless_a_hook_has_looked_at_it(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook"), await guest(Rules(hooks=Hooks(trigger="hook")))
        await worker.bind("one", "http", config={"api_path": "a", "allow_html": True})
        (question,) = await hook.transport.receive("invokefunction")
        await hook.answer(question, result={})
        await worker.call("engine::log::info", {"message": "x"})
        assert engine.triggers.get("one") is not None

    async def test_nothing_asked_for_is_no_power(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(ALL)
        none = {"pass_headers": [], "allow_html": False, "allow_set_cookie": None}
        await worker.bind("one", "http", config={"api_path": "a", **none})
        assert engine.triggers.get("one") is not None


class TestLooking:
    """Functions that tell a caller what it may see tell everything to a trigger."""

    @pytest.mark.parametrize(
        "function_id",
        ["engine::functions::list", "engine.functions.list", "engine::registered-triggers::info"],
    )
    async def test_such_a_function_is_no_target(
        self, engine: Engine, guest: Guest, function_id: str
    ) -> None:
        worker = await guest(ALL)
        await worker.bind("one", "http", function_id=function_id, config={"api_path": "a"})
        (refusal,) = await worker.transport.receive("triggerregistrationresult")
        assert refusal["error"]["code"] == "FORBIDDEN"
        wish = {"trigger_type": "http", "function_id": function_id, "config": {"api_path": "b"}}
        result = await worker.call("engine::register_trigger", wish)
        assert result["error"]["code"] == "FORBIDDEN"
        assert engine.triggers.get("one") is None

    async def test_what_every_sdk_calls_is_one(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(ALL)
        await worker.bind(
            "one", "subscribe", function_id="engine::log::info", config={"topic": "t"}
        )
        assert engine.triggers.get("one") is not None

    async def test_nobody_subscribes_to_functions_without_an_owner(
        self, engine: Engine, guest: Guest
    ) -> None:
        worker = await guest(ALL)
        wish = {"trigger_type": "engine::functions-available", "function_id": "f"}
        result = await worker.call("engine::register_trigger", wish)
        assert result["error"]["code"] == "FORBIDDEN"
        await worker.bind("one", "engine::functions-available")
        assert engine.triggers.get("one") is not None


class TestDecidingFunctions:
    """Functions that decide about workers are not for workers under rules to offer."""

    LISTENERS = [
        {
            "path": "partners",
            "middleware_function_id": "gate::mw",
            "rbac": {
                "auth_function_id": "gate::auth",
                "on_function_registration_function_id": "gate::f",
                "on_trigger_registration_function_id": "gate::t",
                "on_trigger_type_registration_function_id": "gate::tt",
            },
        }
    ]

    @pytest.mark.parametrize(
        "function_id",
        ["gate::auth", "gate::mw", "gate::f", "gate::t", "gate::tt", "site::mw", "stream::auth"],
    )
    async def test_those_of_the_settings(
        self, engine: Engine, guest: Guest, function_id: str
    ) -> None:
        worker = await guest(ALL)
        with override_settings(
            III_WORKER_LISTENERS=self.LISTENERS,
            III_HTTP_MIDDLEWARE=["site::mw"],
            III_STREAM_AUTH_FUNCTION="stream::auth",
        ):
            await worker.offer(function_id, "free")
        assert not offered(engine, function_id)
        assert offered(engine, "free")

    async def test_those_of_a_session(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(middleware="own::mw", hooks=Hooks(trigger="own::hook")))
        await worker.offer("own::mw", "own::hook", "free")
        assert not offered(engine, "own::mw")
        assert not offered(engine, "own::hook")
        assert offered(engine, "free")

    async def test_in_no_namespace(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(middleware="own::mw"), namespace="orders")
        await worker.offer("own::mw", "free")
        assert not offered(engine, "own::mw", "orders")
        assert offered(engine, "free", "orders")

    async def test_an_open_worker_offers_them(self, engine: Engine, connect: Any) -> None:
        worker = await connect()
        with override_settings(III_WORKER_LISTENERS=self.LISTENERS):
            await worker.offer("gate::auth")
        assert offered(engine, "gate::auth")


class TestStores:
    @pytest.mark.parametrize("function_id", ["stream::get(todos)", "stream::set(todos)"])
    async def test_the_store_of_a_stream_is_not_replaced(
        self, engine: Engine, guest: Guest, function_id: str
    ) -> None:
        worker = await guest(ALL)
        await worker.offer(function_id)
        assert not offered(engine, function_id)

    @pytest.mark.parametrize("family", ["state", "iii", "engine", "configuration", "kv_server"])
    async def test_names_of_the_engine_are_not_given(
        self, engine: Engine, guest: Guest, family: str
    ) -> None:
        worker = await guest(ALL)
        await worker.offer(f"{family}::new")
        assert not offered(engine, f"{family}::new")


class TestSecrets:
    URL = "https://partner.example/"

    async def test_a_secret_of_the_site_is_not_sent_for_them(
        self, engine: Engine, guest: Guest, connect: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PARTNER_KEY", "exfiltrate me")
        auth = {"type": "bearer", "token_key": "PARTNER_KEY"}
        host, worker = await connect(), await guest(ALL)
        with override_settings(III_HTTP_FUNCTION_SECRETS=["PARTNER_*"]):
            for one, id_ in ((host, "host"), (worker, "guest")):
                invocation = {"url": self.URL, "auth": auth}
                await one.send("registerfunction", id=id_, invocation=invocation)
        assert offered(engine, "host")
        assert not offered(engine, "guest")

    async def test_urls_are_called_for_them_without_one(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(ALL)
        await worker.send("registerfunction", id="f", invocation={"url": self.URL})
        assert offered(engine, "f")


class TestRoom:
    def test_long_ids_are_not_remembered(self) -> None:
        session = Session.of(ALL)
        for number in range(3):
            session.verdict("default", f"{number}" * 1_000_000, lambda key: ())
            session.verdict("n" * 1_000_000, f"{number}", lambda key: ())
        assert session._remembered == {}
        session.verdict("default", "f", lambda key: ())
        assert len(session._remembered) == 1

    def test_short_ones_are_up_to_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "MAX_REMEMBERED", 2)
        session = Session.of(ALL)
        for number in range(5):
            session.verdict("default", f"{number}", lambda key: ())
        assert len(session._remembered) <= 2

    async def test_long_names_are_not_noted(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(function_prefix="p"))
        with pytest.raises(LimitExceeded):
            await worker.offer("f" * 1_000_000)
        assert worker.connection.names._own == {}
        assert worker.connection.names._registered == {}

    async def test_frames_that_wait_for_a_hook_are_counted(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook"), await guest(Rules(hooks=Hooks(trigger="hook")))
        await worker.bind("one", "subscribe", config={"topic": "t"})
        with override_settings(III_MAX_FRAME_BYTES=1000):
            big = asyncio.create_task(worker.bind("two", "subscribe", config={"topic": "t" * 1000}))
            (question,) = await hook.transport.receive("invokefunction")
            await asyncio.sleep(0)
            assert not big.done()
            await hook.answer(question, result={})
            _, question = await hook.transport.receive("invokefunction", 2)
            await hook.answer(question)
            await big

    async def test_channels_are_left_for_others(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, greedy, other = await connect(), await guest(Rules(function_prefix="p")), None
        with override_settings(III_MAX_CHANNELS=8):
            for _ in range(2):
                assert "error" not in await greedy.call("engine::channels::create")
            await greedy.leave()
            again = await guest(Rules(function_prefix="p"))
            result = await again.call("engine::channels::create")
            assert result["error"]["code"] == "LIMIT_EXCEEDED"
            other = await guest(Rules(function_prefix="q"))
            assert "error" not in await other.call("engine::channels::create")
            for _ in range(5):
                assert "error" not in await host.call("engine::channels::create")


class TestStandingAside:
    """Who is under rules and came first, while the owner was away, is in nobody's way."""

    async def test_calls_go_to_the_owner_that_comes_back(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        squatter = await guest(ALL)
        await squatter.offer("f")
        host, caller = await connect("f", name="host"), await connect(name="caller")
        for number in range(4):
            await caller.start_call("f", invocation_id=f"{number}")
        assert len(host.invocations) == 4
        assert squatter.invocations == []

    @override_settings(III_FUNCTION_CONFLICT="reject")
    async def test_nobody_is_refused_because_of_it(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        squatter = await guest(ALL, name="host", pid=7, version="0.25.0")
        await squatter.offer("f")
        host = await connect("f", name="host", pid=8, version="0.25.0")
        assert host.transport.of_type("registrationrejected") == []
        assert host.transport.close_code is None
        assert offered(engine, "f")
        caller = await connect(name="caller")
        await caller.start_call("f", invocation_id="c")
        assert len(host.invocations) == 1


class TestHolders:
    async def test_other_tokens_with_equal_rules_are_somebody_else(
        self, engine: Engine, connect: Any
    ) -> None:
        one, other, replica = (
            FakeWorker(engine, session=Session.of(ALL, holder=holder)) for holder in "aba"
        )
        for worker in (one, other, replica):
            await worker.introduce()
            await worker.offer("f")
        offers = engine.functions.offers_of(("default", "f"))
        assert [offer.connection for offer in offers] == [one.connection, replica.connection]


@pytest.mark.parametrize("forbidden", ["state.get", "engine.functions.list", "state.*"])
async def test_an_old_name_in_a_rule_forbids_the_new_one(guest: Guest, forbidden: str) -> None:
    worker = await guest(Rules(forbidden_functions=(forbidden,)))
    new = "engine::functions::list" if forbidden.startswith("engine") else "state::get"
    result = await worker.call(new, {"scope": "s", "key": "k"})
    assert result["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("forbidden", ['match("sec*")', "match('secret')"])
async def test_a_written_pattern_forbids_what_it_fits(guest: Guest, forbidden: str) -> None:
    worker = await guest(Rules(forbidden_functions=(forbidden,)))
    assert (await worker.call("secret"))["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("number", [2**70, -(2**65)])
async def test_calls_with_large_numbers_are_answered(guest: Guest, number: int) -> None:
    worker = await guest(rules('match("*")', middleware="mw"))
    queued = {"function_id": "f", "data": number}
    result = await worker.call("engine::queue::enqueue", queued)
    assert result["error"]["code"] == "function_not_found"
    wish = {"trigger_type": "none", "function_id": "f", "config": {"n": number}}
    assert "id" in (await worker.call("engine::register_trigger", wish)).get("result", {"id": 1})


@pytest.mark.parametrize("order", [(True, False), (False, True)])
async def test_a_list_shows_what_may_be_called(guest: Guest, connect: Any, order: Any) -> None:
    for pid, is_public in enumerate(order):
        host = await connect(name="host", pid=pid)
        await host.send("registerfunction", id="f", metadata={"public": is_public})
    listing = "engine::functions::list"
    worker = await guest(rules({"metadata": {"public": True}}, {"match": listing}))
    assert (await worker.call("f"))["error"]["code"] == "FORBIDDEN"
    rows = (await worker.call(listing))["result"]["functions"]
    assert "f" not in [row["function_id"] for row in rows]
