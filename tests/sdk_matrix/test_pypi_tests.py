"""The integration tests in PyPI source packages pass against this engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.environments import SdkUnavailable

from . import pypi_tests

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("version", pypi_tests.VERSIONS)
def test_the_tests_in_the_source_package_pass(tmp_path: Path, version: str) -> None:
    try:
        outcome = pypi_tests.run(version, folder=tmp_path)
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    assert outcome.failed == [], outcome.text
    assert outcome.passed, outcome.text
