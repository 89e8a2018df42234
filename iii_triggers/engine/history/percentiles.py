"""Percentiles of durations that are known by their bucket only."""

from __future__ import annotations

from collections.abc import Mapping

from .buckets import LAST, lower_ms


def percentile_ms(counts: Mapping[int, int], percent: float) -> float:
    """Return the duration below which ``percent`` of the runs are; 0 if there are none.

    ``counts`` maps buckets to numbers of runs. Inside a bucket the runs are taken to lie evenly
    on the scale of the buckets, so the answer is off by less than the width of one.
    """
    rank = sum(counts.values()) * percent / 100
    for bucket, runs in sorted(counts.items()):
        if runs and rank <= runs:
            return _inside(bucket, rank / runs)
        rank -= runs
    return 0.0


def _inside(bucket: int, share: float) -> float:
    begin, end = lower_ms(bucket), lower_ms(bucket + 1)
    if bucket == LAST:
        return begin
    return float(begin * (end / begin) ** share) if begin else end * share
