"""The lists of versions are those of the indexes; pre-releases do not count."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.e2e.environments import OFFLINE, REPOSITORY, SDKS

from .versions import ALL, NPM, PYPI, sdk_of

ANSWER_S = 60


@pytest.mark.sdk
def test_every_version_of_pypi_is_in_the_matrix() -> None:
    command = [sys.executable, "-m", "pip", "index", "versions", "iii-sdk", "--retries", "1"]
    answer = _asked([*command, "--disable-pip-version-check"])
    (line,) = [line for line in answer.splitlines() if line.startswith("Available versions:")]
    assert sorted(line.partition(":")[2].replace(",", " ").split()) == sorted(PYPI)


@pytest.mark.sdk
def test_every_version_of_npm_is_in_the_matrix() -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    answer = _asked([npm, "view", "iii-sdk", "versions", "--json", "--fetch-retries=1"])
    assert sorted(version for version in json.loads(answer) if "-" not in version) == sorted(NPM)


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_an_environment_is_shared_with_the_other_tests(sdk: object) -> None:
    shared = next(one for one in SDKS if one == sdk)
    assert sdk_of(shared.registry, shared.version).requirements == shared.requirements


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({sdk.name for sdk in ALL}) == len(ALL) == len(PYPI) + len(NPM)


def test_every_row_is_in_the_documentation() -> None:
    lines = (REPOSITORY / "docs" / "sdks.md").read_text().splitlines()
    documented = [line.split()[0] for line in lines if line.startswith(("pypi-", "npm-"))]
    assert documented == [sdk.name for sdk in ALL]


def _asked(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        pytest.skip("the package index did not answer")
    if done.returncode and OFFLINE.search(done.stderr + done.stdout):
        pytest.skip("the package index is out of reach")
    assert done.returncode == 0, done.stderr
    return done.stdout
