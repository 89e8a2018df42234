"""``python -m tests.sdk_matrix``: run the matrix, print the table, exit with 1 on any FAIL."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .features import FEATURES
from .runner import Runner
from .versions import ALL


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-sdk", description=__doc__)
    parser.add_argument("--versions", help="as in pypi-0.9.0,npm-0.22.1; all when left out")
    parser.add_argument("--features", help=f"some of {','.join(FEATURES)}; all when left out")
    parser.add_argument("--server", choices=["auto", "uvicorn", "daphne"], default="auto")
    return parser.parse_args()


def _chosen(wanted: str | None, known: list[str]) -> list[str]:
    """Return the names asked for, in the order of the table."""
    names = known if wanted is None else wanted.split(",")
    if unknown := set(names) - set(known):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return [name for name in known if name in names]


def main() -> None:
    """Run what the arguments ask for."""
    arguments = _arguments()
    versions = _chosen(arguments.versions, [sdk.name for sdk in ALL])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        table = Runner(
            sdks=[sdk for sdk in ALL if sdk.name in versions],
            features=_chosen(arguments.features, list(FEATURES)),
            folder=Path(folder),
            server=arguments.server,
        ).run()
    print(f"\n{table}, in {time.monotonic() - began:.0f} s")
    sys.exit(1 if table.failures or table.unavailable else 0)


if __name__ == "__main__":
    main()
