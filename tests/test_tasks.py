"""The Celery tasks: doors to the ledger that no message can break."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import pytest

from iii_triggers import tasks


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of deliveries that were run."""
    ran: list[str] = []
    monkeypatch.setattr(tasks, "run_delivery", ran.append)
    return ran


def test_a_message_runs_its_delivery(ran: list[str]) -> None:
    delivery_id = str(uuid.uuid4())
    tasks.deliver(delivery_id)
    assert ran == [delivery_id]


@pytest.mark.parametrize(
    "arguments",
    [[], [None], [5], ["nothing"], [["a"]], [{}], [str(uuid.uuid4()).upper()], [uuid.uuid4().hex]],
)
def test_a_message_without_an_id_is_told_of_and_dropped(
    ran: list[str], caplog: pytest.LogCaptureFixture, arguments: list[Any]
) -> None:
    tasks.deliver(*arguments)
    assert ran == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_more_arguments_are_for_later_versions(ran: list[str]) -> None:
    delivery_id = str(uuid.uuid4())
    tasks.deliver(delivery_id, 1, later=True)
    assert ran == [delivery_id]


def test_pruning_says_how_much_it_did(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    counts = [0, 3]
    monkeypatch.setattr(tasks, "prune", lambda: counts.pop(0))
    with caplog.at_level(logging.INFO):
        tasks.prune_deliveries()
        tasks.prune_deliveries()
    assert caplog.messages == ["Pruned 3 deliveries."]


def test_names_and_options_are_a_contract() -> None:
    assert tasks.deliver.name == "iii.deliver"
    assert tasks.prune_deliveries.name == "iii.prune"
    assert tasks.deliver.acks_late, "a worker that is killed must not lose the message"
    assert tasks.deliver.ignore_result and tasks.prune_deliveries.ignore_result
