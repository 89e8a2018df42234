"""A site with a built-in type, and files as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iii_triggers.models import Trigger
from iii_triggers.operations.config_files.exporting import export
from iii_triggers.operations.config_files.formats import read_document, write_document
from iii_triggers.operations.config_files.parsing import parse
from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.values import ConfigFile, Managed

Write = Callable[..., Trigger]


def file_of(text: str) -> ConfigFile:
    """Return the config file of a text in YAML."""
    return parse(read_document(text.encode(), format_="yaml"))


def exported(**managed: Any) -> str:
    """Return what an export writes now."""
    return write_document(export(Managed(**managed)), format_="yaml")


def told(error: ConfigFileError) -> list[str]:
    """Return the problems of an error in the order in which they are told."""
    return [str(problem) for problem in error.problems]


@pytest.fixture
def write(db: None) -> Write:
    """Write the row of a trigger: ``write("greet", api_path="greet")``; keys are its config."""

    def write(trigger_id: str, row: dict[str, Any] | None = None, **config: Any) -> Trigger:
        values = {"trigger_type": "http", "function_id": "f", "config": config, **(row or {})}
        return Trigger.objects.create(trigger_id=trigger_id, **values)

    return write
