"""Retention: what is too old goes with its payload, in batches, and nothing else."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iii_triggers.engine.core import Engine
from iii_triggers.engine.history import pruning
from iii_triggers.engine.history.pruning import prune_numbers, prune_payloads, prune_runs
from iii_triggers.models import Invocation, InvocationPayload, TriggerStat, TypeStat
from iii_triggers.models.ordered_ids import least_id_at
from tests.support.threads import Aside

KEPT_S = 1000


@pytest.fixture(autouse=True)
def retention(settings: Any) -> None:
    settings.III_HISTORY_RETENTION_S = KEPT_S


def run(*, seconds_ago: float, status: str = "succeeded", payload: bool = True) -> uuid.UUID:
    started_at = timezone.now() - timedelta(seconds=seconds_ago)
    # Ids of one millisecond differ in their random part.
    run_id = uuid.UUID(int=least_id_at(started_at).int + uuid.uuid4().int % 2**60)
    Invocation.objects.create(id=run_id, status=status, function_id="f", started_at=started_at)
    if payload:
        InvocationPayload.objects.create(run_id=run_id, input="1")
    return run_id


def runs() -> set[uuid.UUID]:
    return set(Invocation.objects.values_list("pk", flat=True))


def payloads() -> set[uuid.UUID]:
    return set(InvocationPayload.objects.values_list("pk", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["succeeded", "failed", "running"])
def test_old_runs_go_with_their_payloads(status: str) -> None:
    run(seconds_ago=KEPT_S + 5, status=status)
    run(seconds_ago=KEPT_S + 5, status=status, payload=False)
    new = run(seconds_ago=KEPT_S - 5, status=status)
    assert prune_runs() == 2
    assert prune_runs() == 0
    assert runs() == payloads() == {new}


@pytest.mark.django_db
def test_the_oldest_go_first_and_no_more_than_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    newest, *_ = [run(seconds_ago=KEPT_S + 5 + number) for number in range(3)]
    assert [prune_runs(), runs()] == [2, {newest}]
    assert prune_runs() == 1


@pytest.mark.django_db
def test_old_payloads_that_were_left_go_too() -> None:
    for seconds_ago in (KEPT_S + 5, KEPT_S - 5):
        Invocation.objects.filter(pk=run(seconds_ago=seconds_ago)).delete()
    assert prune_runs() == 0
    assert [prune_payloads(), len(payloads())] == [1, 1]


@pytest.mark.django_db
def test_numbers_are_kept_for_eight_days() -> None:
    for days_ago in (7.9, 8.1):
        then = timezone.now() - timedelta(days=days_ago)
        TypeStat.objects.create(minute=then, failed=False, bucket=1, count=1)
        TriggerStat.objects.create(hour=then, trigger_id="t", succeeded=1, failed=0)
    assert prune_numbers() == 2
    assert TypeStat.objects.get().minute > timezone.now() - timedelta(days=8)
    assert TriggerStat.objects.get().hour > timezone.now() - timedelta(days=8)


@pytest.mark.django_db
def test_a_batch_is_found_and_deleted_by_key() -> None:
    """A million rows that are kept are not looked at."""
    for _ in range(3):
        run(seconds_ago=KEPT_S + 5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        prune_runs()
    statements = [query["sql"] for query in queries if "iii_triggers" in query["sql"]]
    assert len(statements) == 3
    assert " IN (" in statements[1] and " IN (" in statements[2]


def test_processes_share_the_work(
    transactional_db: None, many_writers: None, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    for _ in range(4):
        run(seconds_ago=KEPT_S + 5)
    with transaction.atomic():
        assert prune_runs() == 2
        assert aside.start(prune_runs).result(10) == 2
    assert runs() == payloads() == set()


async def test_an_engine_prunes_all_there_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)

    def make() -> None:
        for seconds_ago in (KEPT_S - 5, *[KEPT_S + 5] * 5):
            run(seconds_ago=seconds_ago)

    await engine.database.run(make)
    await engine.history.prune()
    assert len(await engine.database.run(runs)) == 1
