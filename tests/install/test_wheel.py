"""The wheel holds the whole app and nothing else."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.e2e.environments import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in the wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_what_is_no_python(names: set[str]) -> None:
    folder = "iii_triggers"
    assert f"{folder}/py.typed" in names
    assert f"{folder}/migrations/0001_initial.py" in names
    assert f"{folder}/management/commands/runengine.py" in names
    assert any(name.startswith(f"{folder}/templates/") for name in names)
    assert any(name.startswith(f"{folder}/static/") for name in names)


def test_it_holds_every_file_of_the_app(names: set[str]) -> None:
    app = REPOSITORY / "iii_triggers"
    files = {path for path in app.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path.relative_to(REPOSITORY).as_posix() for path in files} - names == set()


def test_it_holds_nothing_but_the_app(names: set[str]) -> None:
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"iii_triggers"}
    # A page may be about testing: only code is looked at.
    assert not [name for name in names if "test" in name.lower() and name.endswith(".py")]
