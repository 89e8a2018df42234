"""A short version of ``make test-sdk`` is part of the test-suite: one version of each series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.parallel import SHOWN

from .features import FEATURES
from .runner import Runner
from .versions import SOME


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_newest_sdk_of_each_series_works(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    table = Runner(sdks=SOME, features=list(FEATURES), folder=tmp_path).run()
    record_property(SHOWN, str(table))
    assert table.failures == []
    if table.unavailable:
        pytest.skip("; ".join(table.unavailable))
