"""Spans end now and are cut at round times."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from iii_triggers.operations.spans import DAY, HOUR, Span

NOW = datetime(2026, 3, 3, 12, 7, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (HOUR, datetime(2026, 3, 3, 11, 8, tzinfo=UTC), datetime(2026, 3, 3, 12, 7, tzinfo=UTC)),
        (DAY, datetime(2026, 3, 2, 12, 30, tzinfo=UTC), datetime(2026, 3, 3, 12, 0, tzinfo=UTC)),
    ],
)
def test_stretches_start_at_round_times(span: Span, first: datetime, last: datetime) -> None:
    starts = span.starts(NOW)
    assert (starts[0], starts[-1], len(starts)) == (first, last, span.stretches)
    assert len({later - start for start, later in pairwise(starts)}) == 1


def test_a_stretch_that_goes_on_lasts_until_now() -> None:
    *_, before, last = HOUR.starts(NOW)
    assert (HOUR.lasted_s(before, NOW), HOUR.lasted_s(last, NOW)) == (60, 31)
