"""A subscriber in Python: ``python -m benchmarks.soak.worker URL FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.notes import note
from iii_triggers.sdk import init

from .topic import TOPIC

FUNCTION = "soak.python"


def main(url: str, folder: Path) -> None:
    """Write down each number, until somebody kills this."""

    def take_number(data: dict[str, Any]) -> None:
        note(folder, FUNCTION, data["n"])

    iii = init(url)
    iii.register_function(FUNCTION, take_number)
    iii.register_trigger(type="queue", function_id=FUNCTION, config={"topic": TOPIC})
    iii.wait_closed()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
