"""What a line says about the run it belongs to, wherever it is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.context import current_invocation
from iii_triggers.delivery.create import NewDelivery, create_deliveries
from iii_triggers.delivery.execution import run_delivery
from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.firing import fire
from iii_triggers.engine.lanes import Firing, Lanes
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.logs import ContextFilter, JsonFormatter
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import IiiError
from tests.support.http import ask
from tests.support.ledger import Messages, close_batchers, messages
from tests.support.site import declare
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

__all__ = ["close_batchers", "messages"]

Connect = Callable[..., Awaitable[FakeWorker]]
Line = dict[str, Any]
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

site_logger = logging.getLogger("shop")


class Lines(logging.Handler):
    """Keeps what is written, as a collector reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.read: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.read.append(json.loads(self.format(record)))

    def one(self, beginning: str) -> Line:
        """Return the only line whose message begins so."""
        (line,) = (line for line in self.read if line["message"].startswith(beginning))
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged from now on."""
    lines = Lines()
    logging.root.addHandler(lines)
    yield lines
    logging.root.removeHandler(lines)


def plain(data: Any) -> None:
    site_logger.warning("from a thread")
    raise ValueError("no")


async def on_loop(data: Any) -> None:
    site_logger.warning("from the loop")


def http_trigger(function_id: str, **config: Any) -> Trigger:
    return Trigger(
        id="t",
        trigger_type="http",
        function_id=function_id,
        source="admin",
        config={"api_path": "x", **config},
    )


async def test_all_lines_of_a_failed_request_have_its_error_id(
    lines: Lines, engine: Engine
) -> None:
    engine.functions.add_local(declare(engine.site, "f", plain))
    await engine.triggers.register(http_trigger("f"))
    answer = await ask("GET", "/x", headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"})
    known = {
        "invocation_id": answer.json()["error"]["error_id"],
        "function_id": "f",
        "trigger_id": "t",
        "trigger_type": "http",
        "namespace": "default",
        "node_id": engine.node.node_id,
    }
    assert {**lines.one("from a thread"), **known, "trace_id": TRACE_ID} == lines.one("from a th")
    failed = lines.one("Function f failed")
    assert {**failed, **known} == failed
    assert failed["exception"].endswith("ValueError: no")
    answered = lines.one("GET /x is answered 500: invocation_failed")
    assert {**answered, **known} == answered


async def test_a_header_that_is_dropped_is_logged_with_its_run(
    lines: Lines, engine: Engine
) -> None:
    async def answer(data: Any) -> Any:
        run = current_invocation()
        assert run is not None
        return {"status_code": 200, "headers": {"bad name": "x"}, "body": run.id}

    engine.functions.add_local(declare(engine.site, "f", answer))
    await engine.triggers.register(http_trigger("f"))
    run_id = (await ask("GET", "/x")).json()
    assert lines.one("Dropped the header")["invocation_id"] == run_id


async def test_what_the_caller_chose_as_the_id_is_one_line(lines: Lines, engine: Engine) -> None:
    seen: list[str] = []

    async def look(data: Any) -> None:
        record = logging.makeLogRecord({"msg": "x"})
        ContextFilter().filter(record)
        seen.append(logging.Formatter("%(invocation_id)s %(message)s").format(record))

    engine.functions.add_local(declare(engine.site, "f", look))
    call = Call(function_id="f", data=Payload.of(1), invocation_id="a\nroot: forged")
    await engine.invoker.invoke(call)
    assert seen == [r"a\nroot: forged x"]


async def test_a_request_whose_worker_is_away_is_logged_with_its_error_id(
    lines: Lines, engine: Engine
) -> None:
    await engine.triggers.register(http_trigger("gone"))
    answer = await ask("GET", "/x")
    line = lines.one("GET /x is answered 503: function_not_found")
    assert line["invocation_id"] == answer.json()["error"]["error_id"]


async def test_what_the_caller_did_wrong_is_not_logged(lines: Lines, engine: Engine) -> None:
    engine.functions.add_local(declare(engine.site, "f", on_loop))
    await engine.triggers.register(http_trigger("f", http_method="POST"))
    headers = {"content-type": "application/json"}
    assert (await ask("POST", "/x", headers=headers, body=b"{")).status == 400
    assert lines.read == []


async def test_a_function_that_is_called_by_another_has_its_own_id(
    lines: Lines, engine: Engine
) -> None:
    async def outer(data: Any) -> None:
        site_logger.warning("outer before")
        await ainvoke("inner")
        site_logger.warning("outer after")

    engine.functions.add_local(declare(engine.site, "outer", outer))
    engine.functions.add_local(declare(engine.site, "inner", on_loop))
    await ainvoke("outer")
    before, after = lines.one("outer before"), lines.one("outer after")
    assert before["invocation_id"] == after["invocation_id"]
    assert lines.one("from the loop")["invocation_id"] != before["invocation_id"]
    assert "trigger_id" not in before


async def test_a_delivery_says_which_attempt(
    lines: Lines, engine: Engine, messages: Messages
) -> None:
    engine.functions.add_local(declare(engine.site, "f", plain))
    new = NewDelivery(function_id="f", payload=b"{}", lane="l", topic="orders", trigger_id="t")
    await in_thread(create_deliveries, [new])
    row = await in_thread(Delivery.objects.get)
    await in_thread(run_delivery, str(row.pk))
    for beginning in ("from a thread", "Function f failed"):
        line = lines.one(beginning)
        assert (line["delivery_id"], line["attempt"]) == (str(row.pk), 1)
        assert (line["trigger_id"], line["function_id"]) == ("t", "f")


async def test_what_goes_wrong_around_a_delivery_says_which(
    lines: Lines, engine: Engine, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = NewDelivery(function_id="f", payload=b"{}", lane="l", topic="orders")
    await in_thread(create_deliveries, [new])
    row = await in_thread(Delivery.objects.get)

    def fail(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("no loop")

    monkeypatch.setattr("iii_triggers.delivery.execution._invoke", fail)
    await in_thread(run_delivery, str(row.pk))
    line = lines.one("Delivery")
    assert (line["delivery_id"], line["attempt"], line["function_id"]) == (str(row.pk), 1, "f")


async def test_a_firing_that_fails_says_which_run_it_was(
    lines: Lines, engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    trigger = Trigger(id="t", trigger_type="state", function_id="f", source="admin")
    fire(engine.invoker, [trigger], {})
    lanes = Lanes(invoker=engine.invoker, limit=lambda: 10)
    lanes.add("lane", [Firing(trigger=trigger, data=b"1")])
    for invocation in await worker.transport.receive("invokefunction", 2):
        await worker.answer(invocation, error={"code": "c", "message": "no"})
        (line,) = (
            line for line in lines.read if line["invocation_id"] == invocation["invocation_id"]
        )
        assert (line["trigger_id"], line["trigger_type"], line["function_id"]) == (
            "t",
            "state",
            "f",
        )


async def test_an_outcome_that_is_heard_in_another_run_is_not_mixed_with_it(
    lines: Lines, engine: Engine
) -> None:
    trigger = Trigger(id="t", trigger_type="state", function_id="gone", source="admin")

    async def outer(data: Any) -> None:
        fire(engine.invoker, [trigger], {})

    engine.functions.add_local(declare(engine.site, "outer", outer))
    await engine.triggers.register(http_trigger("outer"))
    await ask("GET", "/x")
    line = lines.one("Trigger t: ")
    assert (line["trigger_type"], line["function_id"]) == ("state", "gone")
    assert line["invocation_id"]
    assert "trace_id" not in line


async def test_outside_of_runs_only_the_process_is_known(lines: Lines, engine: Engine) -> None:
    with pytest.raises(IiiError):
        await ainvoke("gone")
    site_logger.warning("nothing runs")
    line = lines.one("nothing runs")
    assert line.keys() == {"time", "level", "logger", "message", "node_id"}


async def test_work_in_the_database_thread_is_that_of_who_asked_for_it(
    lines: Lines, engine: Engine
) -> None:
    async def f(data: Any) -> None:
        await engine.database.run(site_logger.warning, "in the database thread")

    engine.functions.add_local(declare(engine.site, "f", f))
    await ainvoke("f")
    await engine.database.run(site_logger.warning, "later")
    assert lines.one("in the database thread")["function_id"] == "f"
    assert "function_id" not in lines.one("later")
