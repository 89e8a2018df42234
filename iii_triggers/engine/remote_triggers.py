"""Triggers of workers of other nodes, where this one may have to do something for them.

An HTTP request arrives where the load balancer sends it, code of the site fires its own types
wherever it runs, and the worker that provides a type may be connected here. Other built-in types
hear of other nodes in a way of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from iii_triggers.protocol.errors import IiiError

from .trigger_values import Trigger, TriggerKey, TriggerTypeEntry
from .triggers import TriggerRegistry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which triggers of workers of other nodes are to be read."""

    active_of: Collection[str]
    """The live ones of these types."""
    parked_but: Collection[str]
    """Those that wait for a worker to provide their type, which is none of these."""


@dataclass(slots=True, kw_only=True)
class RemoteTriggers:
    """Keeps the registry in step with what the workers of other nodes registered."""

    registry: TriggerRegistry
    _of: dict[str, dict[TriggerKey, Trigger]] = field(default_factory=dict)
    """What their workers have, by node."""
    _refused: dict[TriggerKey, Trigger] = field(default_factory=dict)
    """What of it cannot be registered here for now."""

    def wanted(self) -> Wanted:
        """Return which triggers this node has a use for."""
        types = [type_ for type_ in self.registry.types() if type_.worker is None]
        shared = [type_ for type_ in types if type_.registrator.is_shared]
        return Wanted(active_of=_ids(shared), parked_but=_ids(types))

    async def replace(self, node_id: str, triggers: Collection[Trigger]) -> None:
        """Take what the workers of a node have now in place of what they had.

        What cannot be registered here, because a route is taken, waits for ``retry``.
        """
        wanted = {trigger.key: trigger for trigger in triggers}
        known = self._of.get(node_id, {})
        self._of[node_id] = wanted
        for key in known.keys() - wanted.keys():
            await self._unregister(known[key])
        for key, trigger in wanted.items():
            if known.get(key) != trigger:
                await self._register(trigger)

    async def remove(self, node_id: str) -> None:
        """Forget what the workers of a node had, which is gone."""
        for trigger in self._of.pop(node_id, {}).values():
            await self._unregister(trigger)

    async def retry(self) -> None:
        """Register what could not be; what stood in its way may be gone."""
        for trigger in list(self._refused.values()):
            await self._register(trigger)

    async def _register(self, trigger: Trigger) -> None:
        was_refused = self._refused.pop(trigger.key, None) == trigger
        try:
            await self.registry.register(trigger)
        except IiiError as error:
            self._refused[trigger.key] = trigger
            if not was_refused:
                logger.info("Trigger %s of another node is not served here: %s", trigger.id, error)

    async def _unregister(self, trigger: Trigger) -> None:
        self._refused.pop(trigger.key, None)
        namespace, _ = trigger.key
        await self.registry.unregister(trigger.id, namespace=namespace)


def _ids(types: Collection[TriggerTypeEntry]) -> set[str]:
    return {id_ for type_ in types for id_ in (type_.id, *type_.registrator.aliases)}
