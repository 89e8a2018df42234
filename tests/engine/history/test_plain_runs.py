"""Plain runs: what is put together of shared parts is what the row says column by column."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from iii_triggers.engine.calls import Call, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.connections import WorkerConnection, WorkerInfo
from iii_triggers.engine.history import plain_runs
from iii_triggers.engine.history.copying import line_of, moment_text
from iii_triggers.engine.history.entries import Entry
from iii_triggers.engine.history.plain_runs import PlainRuns
from iii_triggers.engine.history.rows import OWN_COLUMNS, SHARED_COLUMNS, Run, facts_of, run_of
from iii_triggers.engine.ids import IdSource
from iii_triggers.engine.payload import NOTHING

RUN_ID = "01a218aa-896e-782f-afaa-3faa2d000001"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CAUSE = Cause(trigger_type="http", trigger_id="t", attempt=3)
STARTED_AT = 1_764_187_200.25


class NoTransport:
    def send_text(self, text: str) -> None: ...

    def close(self, code: int) -> None: ...


def worker(name: str | None) -> WorkerConnection:
    return WorkerConnection(transport=NoTransport(), info=WorkerInfo(name=name))


def pending(*, executor: WorkerConnection | None = None, id: str = RUN_ID, **call: Any) -> Pending:
    return Pending(
        id=id,
        call=Call(**{"function_id": "f", **call}),
        done=print,
        executor=executor,
        started_at=STARTED_AT,
        run_id=RUN_ID,
    )


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_runs, "WORTH_IT", 2)


def entries_of(*runs: Pending, as_lines: bool, ended_at: float = STARTED_AT) -> list[Entry]:
    """Return what is written of runs that took 1.5 ms, 2.5 ms and so on."""
    plain = PlainRuns(new_id=IdSource())
    for number, run in enumerate(runs):
        plain.add(run, ended_at=ended_at, duration_ms=number + 1.5)
    return [
        entry
        for alike in plain.take()
        for entry in alike.entries(node_id="node", as_lines=as_lines)
    ]


def row_of(run: Pending, duration_ms: float) -> Run:
    return run_of(facts_of(run, duration_ms), NOTHING, node_id="node")


PLAIN = [
    pending(),
    pending(traceparent=TRACE, namespace="n"),
    pending(cause=CAUSE),
    pending(function_id="long" * 100, cause=Cause(trigger_id="i" * 300)),
    pending(function_id="tab\tnew\nback\\slash"),
    pending(executor=worker("adder")),
    pending(executor=worker(None), caller=worker("w" * 300)),
    pending(id="chosen", caller=worker("w")),
]
SPECIAL = [
    pending(traceparent="a\tb"),
    pending(traceparent="t" * 256),
    pending(traceparent="ä"),
    pending(function_id="nul\0"),
    pending(id="a\nb", caller=worker("w")),
    pending(id="c" * 256, caller=worker("w")),
]


@pytest.mark.parametrize("plain", PLAIN)
def test_their_lines_say_what_their_rows_say(plain: Pending) -> None:
    [entry] = entries_of(plain, plain, as_lines=True)
    rows = [row_of(plain, 1.5), row_of(plain, 2.5)]
    for row in rows:
        row.started_at = moment_text(STARTED_AT)
    assert (entry.count, entry.is_line, entry.shared) == (2, True, None)
    assert entry.run == b"".join(map(line_of, rows))


@pytest.mark.parametrize("plain", PLAIN)
def test_their_columns_say_what_their_rows_say(plain: Pending) -> None:
    [entry] = entries_of(plain, plain, as_lines=False)
    assert entry.count == 2 and entry.shared is not None
    in_common = dict(zip(SHARED_COLUMNS, entry.shared.values, strict=True))
    own = [
        dict(zip(OWN_COLUMNS, run, strict=True))
        for run in msgspec.json.decode(b"[%s]" % entry.run, type=list[Any])
    ]
    rows = [row_of(plain, 1.5), row_of(plain, 2.5)]
    assert [Run(**in_common, **one) for one in own] == rows


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("as_lines", [True, False])
def test_what_is_odd_is_written_as_rows_of_their_own(special: Pending, as_lines: bool) -> None:
    entries = entries_of(special, special, as_lines=as_lines)
    assert [(entry.count, entry.shared) for entry in entries] == [(1, None), (1, None)]


@pytest.mark.parametrize(
    "other",
    [
        pending(function_id="g"),
        pending(namespace="n"),
        pending(cause=CAUSE),
        pending(executor=worker("adder")),
        pending(caller=worker("caller")),
    ],
)
def test_runs_that_differ_are_not_written_together(other: Pending) -> None:
    entries = entries_of(pending(), other, pending(), other, as_lines=False)
    assert [entry.count for entry in entries] == [2, 2]
    assert entries[0].shared != entries[1].shared


@pytest.mark.parametrize("as_lines", [True, False])
def test_few_are_written_as_rows_of_their_own(
    as_lines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_runs, "WORTH_IT", 3)
    counts = [
        [entry.count for entry in entries_of(*[pending()] * number, as_lines=as_lines)]
        for number in (2, 3)
    ]
    assert counts == [[1, 1], [3]]


@pytest.mark.parametrize("as_lines", [True, False])
def test_they_can_be_taken_apart(as_lines: bool) -> None:
    [entry] = entries_of(*[pending(traceparent=TRACE)] * 3, as_lines=as_lines)
    alone = list(entry.alone())
    assert [(one.count, one.is_line, one.shared) for one in alone] == [
        (1, as_lines, entry.shared)
    ] * 3
    assert (b"" if as_lines else b",").join(one.run for one in alone) == entry.run
    assert [list(one.alone()) for one in alone] == [[one] for one in alone]


def test_runs_of_two_minutes_are_counted_apart() -> None:
    plain = PlainRuns(new_id=IdSource())
    for ended_at in (119.9, 120.0, 120.1):
        plain.add(pending(), ended_at=ended_at, duration_ms=1.0)
    assert [(alike.ended_at, len(alike.runs)) for alike in plain.take()] == [(119.9, 1), (120.0, 2)]
    assert (plain.count, plain.take()) == (0, [])


def test_a_run_that_a_worker_called_gets_an_id_of_ours() -> None:
    call = pending(id="chosen", caller=worker("w"))
    call.run_id = None
    plain = PlainRuns(new_id=IdSource())
    for _ in range(2):
        plain.add(call, ended_at=STARTED_AT, duration_ms=1.0)
    [alike] = plain.take()
    one, two = alike.runs
    assert one.id != two.id and "chosen" not in (one.id, two.id)
    assert (one.invocation_id, two.invocation_id) == ("chosen", "chosen")
