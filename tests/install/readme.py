"""The steps of the README, read from the README: what it says is what is tested.

A fenced block after ``<!-- file: PATH -->`` is a file of the site; a ``console`` block is commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.e2e.environments import REPOSITORY

HEADING = "## Add it to your site\n"
FILE = re.compile(r"^<!-- file: (?P<path>\S+) -->\n```python\n(?P<code>.*?)^```$", re.M | re.S)
CONSOLE = re.compile(r"^```console\n(?P<lines>.*?)^```$", re.M | re.S)
INSTALL = re.compile(r"`pip install '(?P<requirement>[^']+)'`")


@dataclass(frozen=True, slots=True)
class Steps:
    """What the section tells its reader to do."""

    requirement: str
    files: dict[str, str]
    commands: list[str]


def steps() -> Steps:
    """Return the steps of the section "Add it to your site"."""
    _, found, rest = (REPOSITORY / "README.md").read_text().partition(HEADING)
    assert found, f"the README has no heading {HEADING.strip()!r}"
    section = rest.partition("\n## ")[0]
    install, console = INSTALL.search(section), CONSOLE.search(section)
    assert install is not None, "the section does not say what to install"
    assert console is not None, "the section has no console block"
    return Steps(
        requirement=install["requirement"],
        files={match["path"]: match["code"] for match in FILE.finditer(section)},
        commands=console["lines"].splitlines(),
    )
