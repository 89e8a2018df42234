"""Plain lines: what is put together of shared parts is what the row says column by column."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.calls import Call, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.connections import WorkerConnection, WorkerInfo
from iii_triggers.engine.history.copying import line_of, moment_text
from iii_triggers.engine.history.plain_lines import plain_line
from iii_triggers.engine.history.rows import Facts, facts_of, run_of
from iii_triggers.engine.payload import NOTHING

RUN_ID = "01a218aa-896e-782f-afaa-3faa2d000001"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class NoTransport:
    def send_text(self, text: str) -> None: ...

    def close(self, code: int) -> None: ...


def worker(name: str | None) -> WorkerConnection:
    return WorkerConnection(transport=NoTransport(), info=WorkerInfo(name=name))


def facts(*, executor: WorkerConnection | None = None, id: str = RUN_ID, **call: Any) -> Facts:
    pending = Pending(
        id=id,
        call=Call(**{"function_id": "f", **call}),
        done=print,
        executor=executor,
        started_at=1_764_187_200.25,
        run_id=RUN_ID,
    )
    return facts_of(pending, 1.5)


@pytest.mark.parametrize(
    "plain",
    [
        facts(),
        facts(traceparent=TRACE, namespace="n"),
        facts(cause=Cause(trigger_type="http", trigger_id="t", attempt=3)),
        facts(function_id="long" * 100, cause=Cause(trigger_id="i" * 300)),
        facts(function_id="tab\tnew\nback\\slash"),
        facts(executor=worker("adder")),
        facts(executor=worker(None), caller=worker("w" * 300)),
    ],
)
def test_a_plain_line_says_what_the_row_says(plain: Facts) -> None:
    row = run_of(plain, NOTHING, node_id="node")
    row.started_at = moment_text(plain.started_at)
    assert plain_line(plain, "node") == line_of(row)


@pytest.mark.parametrize(
    "special",
    [
        facts(id="chosen"),
        facts(traceparent="a\tb"),
        facts(traceparent="t" * 256),
        facts(function_id="nul\0"),
        facts(cause=Cause(delivery_id=RUN_ID)),
        facts(cause=Cause(replay_of=RUN_ID)),
    ],
)
def test_what_has_something_of_its_own_is_no_plain_line(special: Facts) -> None:
    assert plain_line(special, "node") is None


@pytest.mark.parametrize(
    ("moment_s", "text"),
    [
        (0.0, "1970-01-01 00:00:00.0+00"),
        (1_764_187_200.25, "2025-11-26 20:00:00.25+00"),
        (1_764_187_200.999999, "2025-11-26 20:00:00.999999+00"),
        (1_764_187_200.0625, "2025-11-26 20:00:00.0625+00"),
    ],
)
def test_times_are_as_postgresql_reads_them(moment_s: float, text: str) -> None:
    assert moment_text(moment_s) == text
