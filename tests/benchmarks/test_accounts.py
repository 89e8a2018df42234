"""The account of a soak: it must see a loss, or it proves nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.databases import sqlite_database
from benchmarks.notes import note
from benchmarks.soak.accounts import Account, settle
from benchmarks.soak.orders import ACKNOWLEDGED
from benchmarks.soak.topic import TOPIC

Take = Callable[..., Account]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Take the account of deliveries, given as (function, state, number, reason)."""

    def take(
        *deliveries: tuple[str, str, int, str], functions: tuple[str, ...] = ("f",)
    ) -> Account:
        rows = [
            (TOPIC, name, state, json.dumps({"n": n}), code, "")
            for name, state, n, code in deliveries
        ]
        with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection, connection:
            connection.execute(
                "CREATE TABLE iii_triggers_delivery"
                " (topic, function_id, state, payload, error_code, waits_for)"
            )
            connection.executemany("INSERT INTO iii_triggers_delivery VALUES (?,?,?,?,?,?)", rows)
        site = SimpleNamespace(folder=tmp_path, database=sqlite_database(tmp_path))
        return settle(site, functions, timeout_s=0)  # type: ignore[arg-type]

    return take


def test_what_ran_for_every_function_is_not_lost(take: Take, tmp_path: Path) -> None:
    for name in (ACKNOWLEDGED, "f", "g"):
        note(tmp_path, name, 1)
    account = take(("f", "succeeded", 1, ""), ("g", "succeeded", 1, ""), functions=("f", "g"))
    assert (account.lost, account.failures(), account.ran_again) == ((), [], 0)


def test_what_was_acknowledged_and_ran_for_one_function_only_is_lost(
    take: Take, tmp_path: Path
) -> None:
    for name in (ACKNOWLEDGED, "f"):
        note(tmp_path, name, 1)
    account = take(("f", "succeeded", 1, ""), functions=("f", "g"))
    assert account.lost == (("g", 1),)
    assert account.failures()


def test_a_row_that_says_succeeded_is_no_proof(take: Take, tmp_path: Path) -> None:
    note(tmp_path, ACKNOWLEDGED, 1)
    assert take(("f", "succeeded", 1, "")).lost == (("f", 1),)


def test_what_is_dead_with_a_reason_is_not_lost(take: Take, tmp_path: Path) -> None:
    note(tmp_path, ACKNOWLEDGED, 1)
    account = take(("f", "dead", 1, "process_died"))
    assert (account.lost, account.failures(), account.dead) == ((), [], {"process_died": 1})


def test_what_is_dead_without_a_reason_is_a_failure(take: Take, tmp_path: Path) -> None:
    note(tmp_path, ACKNOWLEDGED, 1)
    assert take(("f", "dead", 1, "")).failures()


def test_what_was_rolled_back_must_not_run(take: Take, tmp_path: Path) -> None:
    note(tmp_path, "f", -1)
    assert take().failures() == ["1 numbers were seen that were rolled back"]


def test_what_waits_at_the_deadline_is_a_failure(take: Take, tmp_path: Path) -> None:
    for name in (ACKNOWLEDGED, "f"):
        note(tmp_path, name, 1)
    assert take(("f", "leased", 1, "")).failures() == ["unfinished at the deadline: 1 leased"]


def test_a_second_run_and_a_second_message_are_told_apart(take: Take, tmp_path: Path) -> None:
    for name in (ACKNOWLEDGED, "f", "f", "f"):
        note(tmp_path, name, 1)
    account = take(("f", "succeeded", 1, ""), ("f", "succeeded", 1, ""))
    assert (account.ran_again, account.published_again) == (1, 1)
