"""Percentiles: as near to the true ones as the buckets are wide."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from iii_triggers.engine.history.buckets import LAST, bucket_of, lower_ms
from iii_triggers.engine.history.percentiles import percentile_ms

WIDTH = lower_ms(2) / lower_ms(1) - 1


@pytest.mark.parametrize("percent", [1, 50, 95, 99, 100])
@pytest.mark.parametrize("spread", [0.2, 1.0, 2.5])
def test_a_percentile_is_off_by_less_than_a_bucket(percent: float, spread: float) -> None:
    chance = random.Random(7)
    durations = sorted(chance.lognormvariate(3, spread) for _ in range(5000))
    counts = Counter(map(bucket_of, durations))
    true_ms = durations[int(len(durations) * percent / 100) - 1]
    assert percentile_ms(counts, percent) == pytest.approx(true_ms, rel=WIDTH)


def test_nothing_has_no_percentile() -> None:
    assert percentile_ms({}, 50) == 0
    assert percentile_ms({5: 0}, 50) == 0


def test_the_first_and_the_last_bucket_have_an_end() -> None:
    assert 0 < percentile_ms({0: 10}, 50) < lower_ms(1)
    assert percentile_ms({LAST: 10}, 95) == lower_ms(LAST)


def test_runs_of_one_bucket_are_spread_over_it() -> None:
    low, high = percentile_ms({10: 100}, 5), percentile_ms({10: 100}, 95)
    assert lower_ms(10) < low < high < lower_ms(11)
