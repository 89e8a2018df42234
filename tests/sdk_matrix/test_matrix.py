"""The matrix is part of the test-suite: what ``make test-sdk`` runs, with every version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.parallel import SHOWN

from .features import FEATURES
from .runner import Runner
from .versions import ALL


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_published_sdk_works(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    table = Runner(sdks=ALL, features=list(FEATURES), folder=tmp_path).run()
    record_property(SHOWN, str(table))
    assert table.failures == []
    if table.unavailable:
        pytest.skip("; ".join(table.unavailable))
