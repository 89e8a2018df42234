"""Buckets of durations: each is wider than the one before by a fixed factor.

A percentile read from them is off by less than the width of a bucket, 19 %.
"""

from __future__ import annotations

import math

FIRST_MS = 0.1
"""Where bucket 1 begins; bucket 0 is all below."""
PER_DOUBLING = 4
LAST = 120
"""The last bucket, from about a day on, is open."""


def bucket_of(duration_ms: float) -> int:
    """Return the bucket of a duration."""
    if duration_ms < FIRST_MS:
        return 0
    bucket = int(math.log2(duration_ms / FIRST_MS) * PER_DOUBLING) + 1
    return bucket if bucket < LAST else LAST


def lower_ms(bucket: int) -> float:
    """Return where a bucket begins; where it ends is where the next begins."""
    return FIRST_MS * 2.0 ** ((bucket - 1) / PER_DOUBLING) if bucket > 0 else 0.0
