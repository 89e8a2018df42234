"""Form fields made from a JSON Schema (drafts 7 and 2020-12), which a stranger may have written.

``read_schema`` makes a ``Plan`` of the keys that can be shown, and ``SchemaForm`` shows a value and
takes it back. Nothing of a schema is run, and of its texts only so much is shown. What the fields
cannot express is kept as it is.
"""

from __future__ import annotations

from .forms import Row, SchemaForm
from .nodes import Node, Plan
from .reading import read_schema
from .summary import Fact, facts

__all__ = ["Fact", "Node", "Plan", "Row", "SchemaForm", "facts", "read_schema"]
