"""YAML as text of a config file: what JSON knows, and no more.

Only ``null``, ``true``, ``false`` and plain numbers are not text, as in YAML 1.2: ``no`` is not
false, and ``12:30`` is no number. There are no tags, no merge keys and no objects of Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from .documents import MAX_DEPTH, Document
from .problems import ConfigFileError, Path, Problem, path_text

MAX_REPEATED = 10_000
"""How many values aliases may repeat; a few lines of them could fill the memory."""
WIDTH = 2**30
"""Text is never folded: a changed word is a changed line."""

OTHER_LINE_ENDS = frozenset("\r\x85\u2028\u2029")
"""Written with their numbers, or a reader would fold them."""

PREFIX = "tag:yaml.org,2002:"
PLAIN = {
    f"{PREFIX}null": r"null|Null|NULL|~|",
    f"{PREFIX}bool": r"true|True|TRUE|false|False|FALSE",
    f"{PREFIX}int": r"[-+]?[0-9]+",
    f"{PREFIX}float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}
"""What text without quotes may be (YAML 1.2, section 10.3.2, without octals and infinities)."""
SCALARS: dict[str, Callable[[str], Any]] = {
    f"{PREFIX}str": str,
    f"{PREFIX}null": lambda _: None,
    f"{PREFIX}bool": lambda text: text.lower() == "true",
    f"{PREFIX}int": int,
    f"{PREFIX}float": float,
}


class NoYaml(ConfigFileError):
    """PyYAML is not installed."""

    code = "yaml_not_installed"


def read_yaml(text: str) -> Document:
    """Return what the text says. Raise ConfigFileError if it is not YAML of this kind."""
    yaml = _library()
    try:
        root = yaml.compose(text, _loader(yaml))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark is not None else None
        raise ConfigFileError.of(f"This is not valid YAML: {error.problem}.", line=line) from error
    except (yaml.YAMLError, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigFileError.of(f"This is not valid YAML: {reason}.") from error
    except RecursionError as error:
        raise ConfigFileError.of("It is nested too deeply.") from error
    return _Reader(yaml).document(root)


def write_yaml(value: Any) -> str:
    """Return the text of a value: no aliases, a line for each part, long text as a block."""
    yaml = _library()
    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})
    dumper.add_representer(str, _represent_text)
    # In quotes is what any reader could take for something else, YAML 1.1 or ours.
    _add_plain(dumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def _library() -> ModuleType:
    """Return PyYAML, which a site that keeps to JSON need not have. Raise NoYaml."""
    try:
        return import_module("yaml")
    except ImportError as error:
        message = "YAML needs PyYAML: pip install 'iii-triggers[yaml]', or use --format json."
        raise NoYaml([Problem(message=message)]) from error


def _loader(yaml: ModuleType) -> Any:
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {"yaml_implicit_resolvers": {}})
    _add_plain(loader)
    return loader


def _add_plain(resolver: Any) -> None:
    for tag, pattern in PLAIN.items():
        resolver.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})\Z"), None)


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    if not OTHER_LINE_ENDS.isdisjoint(text):
        style = '"'
    return dumper.represent_scalar(f"{PREFIX}str", text, style=style)


class _Reader:
    """Makes a value of the nodes of a file; the library's own reader follows any alias."""

    def __init__(self, yaml: ModuleType) -> None:
        self._yaml = yaml
        self._lines: dict[Path, int] = {}
        self._problems: list[Problem] = []
        self._seen: set[int] = set()
        self._repeated = 0

    def document(self, root: Any) -> Document:
        """Return the document of its root node, None for an empty file. Raise ConfigFileError."""
        value = None if root is None else self._value(root, ())
        if self._problems:
            raise ConfigFileError(self._problems)
        return Document(value=value, lines=self._lines)

    def _value(self, node: Any, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._check_size(node, path)
        if isinstance(node, self._yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, self._yaml.SequenceNode):
            self._check_tag(node, "seq", path)
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        self._check_tag(node, "map", path)
        return dict(self._items(node, path))

    def _items(self, node: Any, path: Path) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key in seen:
                self._tell(key_node, path, f"The key '{key}' is there twice.")
            seen.add(key)
            self._lines[(*path, key)] = key_node.start_mark.line + 1
            yield key, self._value(value_node, (*path, key))

    def _key(self, node: Any, path: Path) -> str:
        if node.tag != f"{PREFIX}str":
            self._tell(node, path, "A key must be text: put it in quotes.")
        elif node.value == "<<" and not node.style:
            self._tell(node, path, "Merge keys (<<) are not supported.")
        return str(node.value)

    def _scalar(self, node: Any, path: Path) -> Any:
        try:
            return SCALARS[node.tag](node.value)
        except KeyError:
            self._tell(node, path, f"The tag {node.tag} is not supported.")
        except ValueError:
            self._tell(node, path, "The number cannot be read.")
        return None

    def _check_tag(self, node: Any, kind: str, path: Path) -> None:
        if node.tag != PREFIX + kind:
            self._tell(node, path, f"The tag {node.tag} is not supported.")

    def _check_size(self, node: Any, path: Path) -> None:
        """A node that was met before comes by an alias."""
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        if self._repeated > MAX_REPEATED:
            raise ConfigFileError.of(f"Its aliases repeat more than {MAX_REPEATED} values.")
        if len(path) > MAX_DEPTH:
            raise ConfigFileError.of(f"{path_text(path[:3])} is nested too deeply.")

    def _tell(self, node: Any, path: Path, message: str) -> None:
        line = node.start_mark.line + 1
        self._problems.append(Problem(message=message, path=path, line=line))
