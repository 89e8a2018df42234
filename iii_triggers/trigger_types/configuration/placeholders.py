"""``${NAME}`` and ``${NAME:default}`` in the texts of a configuration.

They stand for variables of the engine's environment. It may hold anything, so only those that the
site lists in ``III_CONFIGURATION_ENV`` are looked up; others count as unset.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import IiiError

PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^{}]*))?\}")


class ExpandFailed(IiiError):
    """A variable of the environment is not set."""

    code = "EXPAND_FAILED"


def expand(value: Any) -> Any:
    """Return a JSON value with its placeholders replaced, in texts but not in keys.

    A text that is one placeholder and nothing else becomes a number or a boolean if it reads as
    one. Raise ExpandFailed for a variable that has neither value nor default.
    """
    if isinstance(value, str):
        return _expand_text(value)
    if isinstance(value, list):
        return [expand(item) for item in value]
    if isinstance(value, dict):
        return {key: expand(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable that a placeholder names, and what is known of it in this process."""

    name: str
    is_listed: bool
    """Whether the site lets configurations name it."""
    is_set: bool
    has_default: bool
    """Whether every placeholder that names it has a default."""


def variables_in(text: str) -> list[Variable]:
    """Return the variables that a value (JSON text) names, sorted."""
    defaults: dict[str, bool] = {}
    for found in PLACEHOLDER.finditer(text):
        name, default = found.groups()
        defaults[name] = defaults.get(name, True) and default is not None
    return [
        Variable(
            name=name,
            is_listed=_is_listed(name),
            is_set=_is_listed(name) and name in os.environ,
            has_default=has_default,
        )
        for name, has_default in sorted(defaults.items())
    ]


def _expand_text(text: str) -> Any:
    whole = PLACEHOLDER.fullmatch(text)
    if whole is not None:
        return _number_or_boolean(_replacement(whole))
    return PLACEHOLDER.sub(_replacement, text)


def _replacement(found: re.Match[str]) -> str:
    name, default = found.groups()
    value = os.environ.get(name) if _is_listed(name) else None
    if value is None:
        value = default
    if value is None:
        raise ExpandFailed(
            f"The variable {name} has no default, and is not set or not in III_CONFIGURATION_ENV."
        )
    return value


def _is_listed(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in settings.III_CONFIGURATION_ENV)


def _number_or_boolean(text: str) -> Any:
    try:
        return msgspec.json.decode(text, type=bool | int | float)
    except (msgspec.DecodeError, UnicodeError):
        return text
