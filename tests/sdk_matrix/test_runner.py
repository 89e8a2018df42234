"""A version that cannot be built, dies or stays silent fails alone, and says why."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e import workers
from tests.e2e.environments import BuildFailed, Sdk, SdkUnavailable

from .eras import Era
from .runner import Runner
from .table import FAIL, LACKS, PASS, Row, Table
from .versions import sdk_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenSdk(Sdk):
    """An SDK whose program is this text, or that cannot be built."""

    text: str = ""

    def command(self) -> list[str]:
        if not self.text:
            raise BuildFailed("no wheel of it")
        return [sys.executable, "-c", self.text]


def tried(text: str, folder: Path) -> Row:
    """Return the row of a broken SDK."""
    sdk = BrokenSdk(
        name="pypi-0", registry="pypi", version="0", program="", requirements=(), text=text
    )
    runner = Runner(sdks=[sdk], features=["connect", "http"], folder=folder, say=lambda line: None)
    runner._rows[sdk.name] = Row(sdk.name)
    engine: Any = SimpleNamespace(worker_url="ws://127.0.0.1:1")
    runner._try_version(sdk, engine, "http://127.0.0.1:1/")
    return runner._rows[sdk.name]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no wheel of it"),
        ("raise SystemExit('no such module')", "no such module"),
        ("import time; time.sleep(60)", "did not say READY"),
    ],
)
def test_every_cell_of_a_broken_version_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    monkeypatch.setattr(workers, "READY_S", 1.0)
    row = tried(text, tmp_path)
    assert row.cells == {"connect": FAIL, "http": FAIL}
    assert all(reason in text for text in row.reasons.values())


def test_what_is_not_offered_comes_from_the_table_of_offers() -> None:
    assert Era(sdk_of("pypi", "0.3.0")).lacks("channels")
    assert not Era(sdk_of("pypi", "0.4.0")).lacks("channels")
    assert Era(sdk_of("pypi", "0.11.4")).lacks("list_triggers")
    assert not Era(sdk_of("npm", "0.2.1")).lacks("http")


def test_the_table_shows_every_cell_and_each_reason() -> None:
    old, new = Row("pypi-1"), Row("pypi-2")
    old.set("http", PASS)
    old.set("channels", LACKS, "came later")
    new.set("http", FAIL, "status 500")
    table = Table(["http", "channels"], [old, new])
    lines = str(table).splitlines()
    assert lines[1].split() == ["pypi-1", "pass", "-"]
    assert lines[2].split() == ["pypi-2", "FAIL", "FAIL"]  # the second was never tried
    assert "- pypi channels: came later" in lines
    assert table.failures == ["pypi-2 http: status 500", "pypi-2 channels: not tried"]


def test_a_version_that_this_machine_cannot_have_is_left_out_and_said(tmp_path: Path) -> None:
    class Unavailable(BrokenSdk):
        def command(self) -> list[str]:
            raise SdkUnavailable("pypi-0 skipped: the registry is out of reach")

    sdk = Unavailable(name="pypi-0", registry="pypi", version="0", program="", requirements=())
    runner = Runner(sdks=[sdk], features=["connect"], folder=tmp_path, say=lambda line: None)
    runner._rows[sdk.name] = Row(sdk.name)
    engine: Any = SimpleNamespace(worker_url="ws://127.0.0.1:1")
    runner._try_version(sdk, engine, "http://127.0.0.1:1/")
    assert runner._rows == {}
    assert runner._unavailable == ["pypi-0 skipped: the registry is out of reach"]
