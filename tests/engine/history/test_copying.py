"""Times in the lines of COPY."""

from __future__ import annotations

import pytest

from iii_triggers.engine.history.copying import moment_text


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
