"""The formats of a config file: which one a file has, reading and writing it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal, get_args

from .documents import MAX_BYTES, Document, check_values
from .json_text import read_json, write_json
from .problems import ConfigFileError
from .yaml_text import read_yaml, write_yaml

Format = Literal["yaml", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


def format_of(name: str) -> Format | None:
    """Return the format that the name of a file tells, if it tells one."""
    suffixes: dict[str, Format] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
    return suffixes.get(PurePath(name).suffix.lower())


def read_document(content: bytes, *, format_: Format | None) -> Document:
    """Return what a file holds; without a format, what begins like a JSON object is JSON.

    Raise ConfigFileError, with every problem that was found, if it cannot be kept as JSON.
    """
    if len(content) > MAX_BYTES:
        raise ConfigFileError.of(f"It has more than {MAX_BYTES // 2**20} MiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigFileError.of("It is not UTF-8.", line=line) from error
    is_json = format_ == "json" or (format_ is None and text.lstrip().startswith("{"))
    document = read_json(text) if is_json else read_yaml(text)
    check_values(document)
    return document


def write_document(value: Any, *, format_: Format) -> str:
    """Return the text of a JSON value. Raise NoYaml if PyYAML is needed and not there."""
    return write_json(value) if format_ == "json" else write_yaml(value)
