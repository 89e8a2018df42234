"""The site under soak."""

from __future__ import annotations

from pathlib import Path

from benchmarks.databases import Database
from benchmarks.sites import Site


def soak_site(folder: Path, database: Database, **variables: str) -> Site:
    """Return a migrated site with the functions under soak, and nothing running."""
    return Site(
        settings="benchmarks.soak.settings",
        folder=folder,
        database=database,
        on_line=None,
        # Workers on this machine may then connect through the site's port without a token.
        DEBUG="true",
        **variables,
    )
