"""Versions of installed packages."""

from __future__ import annotations

import re
from importlib import metadata


def installed_version(package: str) -> tuple[int, ...] | None:
    """Return the numbers of the installed version (``(4, 2, 3)``); None if it is not there."""
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release.group().split("."))) if release else ()
