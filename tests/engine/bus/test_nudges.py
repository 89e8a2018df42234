"""A commit has every node look for changes at once; by themselves these engines never look."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from iii_triggers.engine import nudges
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.engine.sync import Sync
from iii_triggers.models import Change, Trigger
from iii_triggers.models.changes import changes_committed
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer

NUDGE = "iii.changed"


def save(number: int = 1) -> None:
    for one in range(number):
        Trigger.objects.create(
            trigger_id=f"t{one}",
            trigger_type="http",
            function_id="f",
            config={"api_path": f"{one}"},
        )


@transaction.atomic
def save_together(number: int) -> None:
    save(number)


@transaction.atomic
def save_in_vain() -> None:
    save()
    transaction.set_rollback(True)


async def serves(engine: Engine, number: int = 1) -> None:
    """Wait until that many triggers are live."""

    async def holds() -> bool:
        return len(engine.triggers.active("http")) == number

    await eventually(holds)


async def test_a_commit_here_serves_on_all_nodes_without_their_looking(
    here: Engine, there: Engine, third: Engine
) -> None:
    await here.refresh()
    await here.database.run(save)
    for engine in (here, there, third):
        await serves(engine)


async def test_a_transaction_is_one_nudge(here: Engine, there: Engine, layer: FakeLayer) -> None:
    await here.refresh()
    await here.database.run(save_together, 50)
    await serves(there, 50)
    # One more may be of the engines that started.
    assert len(layer.of_type(NUDGE)) <= 2


async def test_a_burst_of_commits_is_a_few_nudges_and_looks(
    here: Engine, there: Engine, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.refresh()
    looks: Counter[str] = Counter()
    poll = Sync.poll

    async def look(sync: Sync) -> int:
        looks["there" if sync is there.sync else "here"] += 1
        return await poll(sync)

    monkeypatch.setattr(Sync, "poll", look)
    began = asyncio.get_running_loop().time()
    await here.database.run(save, 100)
    await serves(there, 100)
    most = (asyncio.get_running_loop().time() - began) / nudges.PAUSE_S + 2
    assert len(layer.of_type(NUDGE)) <= most
    assert looks["here"] <= most
    assert looks["there"] <= most


async def test_a_layer_that_hangs_keeps_no_commit_waiting(
    here: Engine,
    there: Engine,
    layer: FakeLayer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await here.refresh()

    async def hang(*arguments: Any) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(layer, "send", hang)
    with caplog.at_level(logging.WARNING):
        await here.database.run(save)
        await serves(here)
        await there.refresh()
    await serves(there)
    assert not caplog.records


@pytest.mark.django_db(transaction=True)
def test_nobody_is_told_of_what_is_rolled_back() -> None:
    told: list[object] = []

    def hear(**kwargs: Any) -> None:
        told.append(kwargs["sender"])

    changes_committed.connect(hear)
    save_in_vain()
    assert told == []
    save()
    assert told == [Change]


@pytest.mark.django_db(transaction=True)
def test_no_engine_is_made_for_a_nudge() -> None:
    process_engine.replace(None)
    save()
    assert process_engine.existing is None
