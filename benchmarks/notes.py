"""What ran, written down so that it outlives the process: one file for each function.

A line is one JSON value. Imports nothing of the project: workers and publishers use it too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def note(folder: str | Path, name: str, value: Any) -> None:
    """Append a line to the notes of ``name``; it is on the disk when this returns."""
    path = Path(folder) / f"{name}.jsonl"
    line = json.dumps(value).encode() + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        # One write of few bytes at the end: lines of several processes do not mix.
        os.write(file, line)
        os.fsync(file)
    finally:
        os.close(file)


def notes(folder: Path, name: str) -> list[Any]:
    """Return the lines of ``name``, in order."""
    path = folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
