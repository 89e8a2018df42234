"""Triggers and trigger types as the registry of a process knows them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .causes import Cause
from .connections import WorkerConnection

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator

TypeKey = tuple[str, str]
"""Namespace and trigger type id."""

TriggerKey = tuple[str | None, str]
"""Namespace and trigger id; no namespace for a trigger of a worker, the node for one elsewhere."""

OTHER_NODE = "\0"
"""Stands before the id of a node in a key; a namespace cannot begin like this."""

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
    node_id: str = ""
    """The other node whose worker owns the trigger; empty for those of this node and the site."""
    since: float = field(default_factory=time.time, compare=False)
    """When it was registered, in seconds since 1970: a newer one may go before an older one."""
    cause: Cause = field(init=False, repr=False, compare=False)
    """What the history notes of the calls the trigger makes; made once, not for each call."""

    def __post_init__(self) -> None:
        cause = Cause(trigger_type=self.trigger_type, trigger_id=self.id)
        object.__setattr__(self, "cause", cause)

    @property
    def key(self) -> TriggerKey:
        """Where the trigger stands in the registry: one of a worker is known by its id alone."""
        if self.node_id:
            return (OTHER_NODE + self.node_id, self.id)
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
