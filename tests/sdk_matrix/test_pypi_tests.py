"""The integration tests in PyPI source packages pass against this engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e.environments import SdkUnavailable

from . import pypi_tests
from .pypi_tests import Outcome

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(900)]

AT_A_TIME = 3  # they sleep most of the time


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """The tests of the versions that are asked for, side by side."""
    asked = {
        item.callspec.params["version"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    }
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {
            version: pool.submit(pypi_tests.run, version, folder=tmp_path_factory.mktemp("shipped"))
            for version in pypi_tests.VERSIONS
            if version in asked
        }


@pytest.mark.parametrize("version", pypi_tests.VERSIONS)
def test_the_tests_in_the_source_package_pass(
    runs: dict[str, Future[Outcome]], version: str
) -> None:
    try:
        outcome = runs[version].result()
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    assert outcome.failed == [], outcome.text
    assert outcome.passed, outcome.text
