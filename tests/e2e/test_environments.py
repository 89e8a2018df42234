"""The environments of the SDKs say clearly why one cannot be had; the golden frames are real."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest

from tests.sdk_workers.record_frames import FRAMES, record, tidied

from . import environments
from .environments import SDKS, BuildFailed, Sdk, SdkUnavailable

NODE_SDK = SDKS[-1]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No environment is built yet."""
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    return tmp_path


def failing(output: str) -> list[str]:
    """Return a command that prints ``output`` and fails."""
    return [sys.executable, "-c", f"import sys; sys.exit({output!r})"]


@pytest.mark.parametrize("missing", ["npm", "node"])
def test_without_node_the_reason_names_the_sdk_and_the_tool(
    empty: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    tools = {"npm": "/bin/npm", "node": "/bin/node", missing: None}
    monkeypatch.setattr(shutil, "which", tools.get)
    with pytest.raises(SdkUnavailable, match=f"node_0_22 skipped: {missing} is not installed"):
        NODE_SDK.command()


def test_a_registry_out_of_reach_is_no_failure_of_the_build() -> None:
    with pytest.raises(SdkUnavailable, match="node_0_22 skipped: the npm registry is out of reach"):
        environments.run_step(NODE_SDK, failing("npm error code ENOTFOUND"))


def test_any_other_failure_shows_the_output_of_the_step() -> None:
    with pytest.raises(BuildFailed, match="No matching distribution"):
        environments.run_step(NODE_SDK, failing("No matching distribution found"))


def test_an_environment_is_built_once_for_its_requirements(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[str, ...]] = []

    def build(sdk: Sdk) -> None:
        sdk.home.mkdir()
        built.append(sdk.requirements)

    monkeypatch.setattr(environments, "_build_venv", build)
    sdk = SDKS[0]
    assert sdk.command() == sdk.command()
    dataclasses.replace(sdk, requirements=("other",)).command()
    assert built == [sdk.requirements, ("other",)]


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_golden_frames_are_what_the_sdk_sends(sdk: Sdk) -> None:
    try:
        frames = tidied(record(sdk))
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    assert frames == (FRAMES / f"{sdk.name}.jsonl").read_text().splitlines()
