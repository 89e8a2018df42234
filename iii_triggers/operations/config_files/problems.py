"""What is wrong with a config file, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.text import one_line

Path = tuple[str | int, ...]
"""Keys and indexes that lead to a value: ``("triggers", 3, "config", "api_path")``."""

MAX_MESSAGE = 500
MAX_TOLD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong."""

    message: str
    path: Path = ()
    line: int | None = None
    """Where it is in the file, counted from 1; None where that is not known."""

    def __str__(self) -> str:
        places = [path_text(self.path)] if self.path else []
        if self.line is not None:
            places.append(f"line {self.line}")
        where = ", ".join(places)
        message = one_line(self.message[:MAX_MESSAGE])
        return f"{where}: {message}" if where else message


class ConfigFileError(IiiError):
    """The config file cannot be applied."""

    code = "invalid_config_file"

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [str(problem) for problem in problems[:MAX_TOLD]]
        if len(problems) > MAX_TOLD:
            lines.append(f"... and {len(problems) - MAX_TOLD} more.")
        super().__init__("\n".join(lines))
        self.problems = tuple(problems)

    @classmethod
    def of(cls, message: str, *, line: int | None = None) -> ConfigFileError:
        """Build the error of a file that is wrong as a whole."""
        return cls([Problem(message=message, line=line)])


def path_text(path: Path) -> str:
    """Return a path as people write it: ``triggers[3].config.api_path``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{one_line(part)}" if text else one_line(part)
    return text
