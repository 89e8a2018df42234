"""``iii_fire`` as it is typed."""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.models import Invocation, Trigger
from iii_triggers.protocol.errors import InvocationFailed
from iii_triggers.sdk import AsyncClient
from tests.sdk_client.stub import FAST, StubEngine
from tests.support.site import declare
from tests.support.threads import in_thread


def run(*words: str, **options: Any) -> Any:
    out = io.StringIO()
    call_command("iii_fire", *words, stdout=out, **options)
    return json.loads(out.getvalue())


async def fire(*words: str) -> Any:
    return await in_thread(partial(run, *words))


@pytest.fixture
def echo(engine: Engine) -> Engine:
    """A site whose function returns its input, and a trigger for it that is disabled."""

    def handler(data: Any) -> Any:
        if data == "fail":
            raise InvocationFailed("no", code="E1")
        return data

    engine.functions.add_local(declare(engine.site, "f", handler))
    return engine


async def make_trigger(engine: Engine, **facts: Any) -> None:
    values = {"trigger_id": "t", "trigger_type": "state", "function_id": "f", "enabled": False}
    await engine.database.run(lambda: Trigger.objects.create(**{**values, **facts}))


class TestHere:
    """What this process can reach runs from here."""

    async def test_a_trigger_gets_the_data(self, echo: Engine) -> None:
        await make_trigger(echo)
        with override_settings(III_HISTORY="all"):
            assert await fire("t", "--data", '{"é": 1}') == {"é": 1}
            await echo.history.flush()
        run = await echo.database.run(Invocation.objects.get)
        assert (run.trigger_id, run.function_id, run.status) == ("t", "f", "succeeded")

    async def test_without_data_it_gets_what_its_type_hands_over(self, echo: Engine) -> None:
        await make_trigger(echo, config={"scope": "orders"})
        assert (await fire("t"))["scope"] == "orders"

    async def test_a_function_is_called(self, echo: Engine) -> None:
        assert await fire("--function", "f", "--data", "[1]", "--timeout", "5") == [1]
        assert await fire("--function", "f") is None

    async def test_who_fires_is_logged_if_that_is_said(self, echo: Engine) -> None:
        await make_trigger(echo)
        await in_thread(partial(User.objects.create_user, "ada"))
        await fire("t", "--data", "1", "--user", "ada")
        entry = await echo.database.run(LogEntry.objects.select_related("user").get)
        assert (entry.user.username, entry.change_message) == (
            "ada",
            "Fired from the command line.",
        )
        with pytest.raises(CommandError, match="no user 'bob'"):
            await fire("t", "--user", "bob")

    async def test_an_error_of_the_function_is_one_of_the_command(self, echo: Engine) -> None:
        with pytest.raises(CommandError, match="E1: no") as caught:
            await fire("--function", "f", "--data", '"fail"')
        assert caught.value.returncode == 1

    async def test_a_result_that_is_no_json_is_told(self, engine: Engine) -> None:
        engine.functions.add_local(declare(engine.site, "g", lambda data: object()))
        with pytest.raises(CommandError, match="serialization_error"):
            await fire("--function", "g")

    async def test_one_that_is_not_there_is_told(self, echo: Engine) -> None:
        await make_trigger(echo, namespace="team")
        with pytest.raises(CommandError, match="no trigger 'u' in namespace 'default'"):
            await fire("u")
        with pytest.raises(CommandError, match=r"one in: team \(--namespace\)"):
            await fire("t")
        with pytest.raises(CommandError, match="no trigger"):
            await fire("\udcff")


class TestData:
    """Where the input comes from."""

    async def test_a_file(self, echo: Engine, tmp_path: Path) -> None:
        file = tmp_path / "data.json"
        file.write_text('{"n": 1}\n')
        assert await fire("--function", "f", "--data", f"@{file}") == {"n": 1}

    async def test_standard_input(self, echo: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("[2]\n"))
        assert await fire("--function", "f", "--data", "-") == [2]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("{'a': 1}", "line 1 column 2"),
            ("@nowhere.json", "No such file"),
            ('"\udcff"', "not valid JSON"),
        ],
    )
    async def test_what_cannot_be_read_is_told(
        self, engine: Engine, data: str, reason: str
    ) -> None:
        with pytest.raises(CommandError, match=reason):
            await fire("--function", "f", "--data", data)

    async def test_what_is_too_long_is_told(self, echo: Engine) -> None:
        with (
            override_settings(III_MAX_PAYLOAD_BYTES=3),
            pytest.raises(CommandError, match="3 bytes"),
        ):
            await fire("--function", "f", "--data", "[1,2]")

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["t", "--function", "f"],
            ["t", "--timeout", "0"],
            ["t", "--timeout", "nan"],
            ["t", "--timeout", "soon"],
        ],
    )
    def test_options_that_make_no_sense_are_told(self, words: list[str]) -> None:
        with pytest.raises(CommandError):
            run(*words)


class TestElsewhere:
    """What cannot be reached from here is asked of an engine."""

    async def test_an_engine_runs_what_nobody_offers_here(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with StubEngine() as stub, AsyncClient(stub.url, **FAST) as worker:
            worker.register_function("far", lambda data: [data])
            await stub.until(lambda: "far" in stub.functions)
            monkeypatch.setenv("III_URL", stub.url)
            assert await fire("--function", "far", "--data", "2") == [2]

    async def test_the_engine_that_is_named_is_asked_first(self, echo: Engine) -> None:
        async with StubEngine() as stub, AsyncClient(stub.url, **FAST) as worker:
            worker.register_function("f", lambda data: "there")
            await stub.until(lambda: "f" in stub.functions)
            assert await fire("--function", "f", "--url", stub.url) == "there"

    async def test_no_engine_is_told(self, engine: Engine, unused_url: str) -> None:
        with pytest.raises(CommandError, match=f"no engine takes workers at {unused_url}"):
            await fire("--function", "far", "--url", unused_url)

    async def test_an_address_that_is_none_is_told(self, engine: Engine) -> None:
        with pytest.raises(CommandError, match="Not a WebSocket address"):
            await fire("--function", "far", "--url", "http://127.0.0.1")


@pytest.fixture
def unused_url() -> str:
    """An address where nothing listens."""
    return "ws://127.0.0.1:1"
