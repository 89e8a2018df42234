"""What one source, a listener or a token, lets a connection do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .filters import ExposeFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Ids of the functions that are asked about registrations; "" asks nobody."""

    function: str = ""
    trigger: str = ""
    trigger_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything is allowed, until a field says otherwise."""

    restricts_calls: bool = False
    """Whether only what is exposed may be called: an ``rbac`` block is there."""
    expose_functions: tuple[ExposeFilter, ...] = ()
    allowed_functions: frozenset[str] = frozenset()
    """Ids in the namespace ``default``."""
    forbidden_functions: tuple[str, ...] = ()
    """Patterns, in any namespace."""
    namespaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Patterns of the functions allowed in each namespace; the worker may use no other one."""
    allow_function_registration: bool = True
    function_prefix: str = ""
    allowed_trigger_types: frozenset[str] | None = None
    """None allows every type."""
    allow_trigger_type_registration: bool = True
    middleware: str = ""
    hooks: Hooks = Hooks()
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether nothing is forbidden, renamed or asked about."""
        return replace(self, context={}) == NO_RULES


NO_RULES = Rules()
