"""The documentation names everything a user can reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import iii_triggers
from iii_triggers.trigger_types.http.config import CONFIG_SCHEMA

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "iii_triggers" / "management" / "commands").glob("*.py")
    if not path.stem.startswith("_")
)
PICTURES = sorted((ROOT / "docs" / "images").glob("*.png"))
MAX_PICTURE_BYTES = 150_000
TARGETS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"| `{command}` |" in README, f"Add a row for {command} to the table of commands."


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_in_the_readme(target: str) -> None:
    assert f"`{target}`" in README or f"make {target}" in README, f"Name `make {target}`."


@pytest.mark.parametrize("name", sorted(iii_triggers.__all__))
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    assert callable(getattr(iii_triggers, name))
    text = README + (ROOT / "docs" / "functions.md").read_text()
    assert f"`{name}" in text or f"{name}(" in text, f"Describe {name} in docs/functions.md."


@pytest.mark.parametrize("key", sorted(CONFIG_SCHEMA["properties"]))
def test_every_key_of_the_http_config_is_documented(key: str) -> None:
    assert f"| `{key}` |" in (ROOT / "docs" / "http.md").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_linked_from_the_readme(path: Path) -> None:
    assert f"docs/{path.name}" in README


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}."


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_every_picture_is_small_and_shown(path: Path) -> None:
    assert f"](docs/images/{path.name})" in README
    assert path.stat().st_size < MAX_PICTURE_BYTES
