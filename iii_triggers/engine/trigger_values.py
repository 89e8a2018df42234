"""Triggers and trigger types as the registry of a process knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .causes import Cause
from .connections import WorkerConnection

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator

TypeKey = tuple[str, str]
"""Namespace and trigger type id."""

TriggerKey = tuple[str | None, str]
"""Namespace and trigger id; no namespace for a trigger of a worker."""

Source = Literal["admin", "api", "code", "worker"]
State = Literal["active", "parked", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One binding: trigger type, function and config."""

    id: str
    trigger_type: str
    function_id: str
    config: Any = None
    metadata: Any = None
    namespace: str = "default"
    """Namespace of the function."""
    provider_namespace: str | None = None
    """Where the type must be; None looks in the owner's namespace, then in ``default``."""
    source: Source = "worker"
    worker: WorkerConnection | None = None
    """The connection that owns the trigger; None for the site's own."""
    pk: int | None = None
    """Primary key of the row of a trigger of the site."""
    cause: Cause = field(init=False, repr=False, compare=False)
    """What the history notes of the calls the trigger makes; made once, not for each call."""

    def __post_init__(self) -> None:
        cause = Cause(trigger_type=self.trigger_type, trigger_id=self.id)
        object.__setattr__(self, "cause", cause)

    @property
    def key(self) -> TriggerKey:
        """Where the trigger stands in the registry: one of a worker is known by its id alone."""
        return (None if self.source == "worker" else self.namespace, self.id)

    @property
    def worker_id(self) -> str | None:
        """Id of the worker that owns the trigger."""
        return self.worker.worker_id if self.worker else None


@dataclass(slots=True, kw_only=True, eq=False)
class TriggerTypeEntry:
    """A registered trigger type and the triggers that are live on it."""

    id: str
    namespace: str
    registrator: TriggerRegistrator
    worker: WorkerConnection | None = None
    description: str = ""
    config_schema: Any = None
    call_schema: Any = None
    gives_way: bool = False
    """Whether a worker may take the type over, and gives it back when it goes."""
    triggers: dict[TriggerKey, TriggerEntry] = field(default_factory=dict)

    @property
    def key(self) -> TypeKey:
        """Where the type stands in the registry."""
        return (self.namespace, self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class TriggerEntry:
    """A trigger and what became of it."""

    trigger: Trigger
    state: State = "parked"
    error: str = ""
    provider: TriggerTypeEntry | None = None
