"""The form of a schema: shows a config, and takes it back with what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext

from .fields import field_of
from .fitting import fitted, value_at
from .nodes import Node, Plan, every, leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the page: a field, or a group of rows."""

    node: Node
    field: BoundField | None
    rows: list[Row]
    errors: list[str]

    @property
    def is_box(self) -> bool:
        """Whether the field is a single box to tick, which stands before its label."""
        return self.field is not None and isinstance(self.field.field.widget, forms.CheckboxInput)


class SchemaForm(forms.Form):
    """Fields for the nodes of ``plan``, filled from ``base`` unless there is ``data``.

    ``base`` is the config they start from; it stays as it is, except where a field was changed. So
    nothing gets lost that no field can show. Fields of which the value in ``base`` is something
    else than the schema asks for are JSON.
    """

    def __init__(self, plan: Plan, *, base: Mapping[str, Any], data: Any = None) -> None:
        self.plan, self.base = plan, dict(base)
        self.nodes = fitted(plan.nodes, self.base)
        self._group_errors: dict[tuple[str, ...], list[str]] = {}
        initial = {node.name: value_at(base, node.path) for node in leaves(self.nodes)}
        super().__init__(data, initial=initial)
        self.fields.update({node.name: field_of(node) for node in leaves(self.nodes)})

    @property
    def rows(self) -> list[Row]:
        """The lines of the page."""
        return self._rows(self.nodes)

    @property
    def kept(self) -> list[str]:
        """The keys of the config that have no field."""
        shown = {node.key for node in self.nodes}
        return [key for key in self.base if key not in shown]

    def collected(self) -> dict[str, Any]:
        """Return the config with what was entered; what could not be read is as before."""
        self.is_valid()
        return self._object(self.nodes, self.base) if self.is_bound else self.base

    def require(self) -> None:
        """Add an error to every field that must be filled in and is empty."""
        self._require(self.nodes, self.collected())

    def blame(self, field: str, message: str) -> bool:
        """Show ``message`` at the key that it is about; tell whether that key is shown.

        It is about ``field``, or about a key in there that the message begins with.
        """
        beginning = message.partition(" ")[0].rstrip(":")
        by_path = {node.dotted: node for node in every(self.nodes)}
        node = by_path.get(beginning) or by_path.get(field)
        if node is None or not self.is_bound:
            return False
        if node.kind == "group":
            self._group_errors.setdefault(node.path, []).append(message)
        else:
            self.add_error(node.name, message)
        return True

    def problems(self) -> list[str]:
        """Return all errors, each with its key."""
        named = {node.name: node.dotted for node in leaves(self.nodes)}
        return [f"{named[name]}: {text}" for name, texts in self.errors.items() for text in texts]

    def _rows(self, nodes: Sequence[Node]) -> list[Row]:
        return [
            Row(
                node=node,
                field=None if node.kind == "group" else self[node.name],
                rows=self._rows(node.children),
                errors=self._group_errors.get(node.path, []),
            )
            for node in nodes
        ]

    def _object(self, nodes: Sequence[Node], base: Any) -> dict[str, Any]:
        result = dict(base) if isinstance(base, dict) else {}
        for node in nodes:
            if node.kind == "group":
                self._put_group(node, result)
            else:
                self._put(node, result)
        return result

    def _put(self, node: Node, values: dict[str, Any]) -> None:
        """Set or remove the key of a field that was changed; a box that must be there is no."""
        entered = self.cleaned_data.get(node.name)
        if not self._is_touched(node) or node.name in self.errors:
            if entered is False and node.required:
                values.setdefault(node.key, False)
        elif self._is_empty(node, entered):
            values.pop(node.key, None)
        else:
            values[node.key] = entered

    def _is_touched(self, node: Node) -> bool:
        """Tell whether a field was changed; one that is new in the schema was not on the page."""
        widget = self.fields[node.name].widget
        is_missing = widget.value_omitted_from_data(self.data, self.files, node.name)
        return node.name in self.changed_data and not is_missing

    def _is_empty(self, node: Node, entered: Any) -> bool:
        """Tell whether nothing was entered; JSON may say null, or an empty list."""
        if node.kind == "json":
            return not str(self[node.name].data or "").strip()
        return entered is None or entered == []

    def _put_group(self, node: Node, values: dict[str, Any]) -> None:
        """Set a group in which something was changed; remove it if that made it empty."""
        if not node.required and not any(map(self._is_touched, leaves(node.children))):
            return
        inner = self._object(node.children, values.get(node.key))
        if inner or node.required:
            values[node.key] = inner
        else:
            values.pop(node.key, None)

    def _require(self, nodes: Sequence[Node], values: Mapping[str, Any]) -> None:
        for node in nodes:
            value = values.get(node.key)
            if node.kind == "group" and isinstance(value, dict):
                self._require(node.children, value)
            elif node.kind != "group" and self._is_missing(node, values):
                self.add_error(node.name, gettext("This field is required."))

    def _is_missing(self, node: Node, values: Mapping[str, Any]) -> bool:
        return node.required and node.key not in values and node.name not in self.errors
