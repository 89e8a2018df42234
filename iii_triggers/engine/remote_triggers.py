"""Triggers of workers of other nodes, for the types whose events may come in at any node.

An HTTP request arrives where the load balancer sends it, and code of the site fires its own types
wherever it runs; the worker that registered the trigger may be connected elsewhere. Other types
hear of other nodes in a way of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from iii_triggers.protocol.errors import IiiError

from .trigger_values import Trigger, TriggerKey
from .triggers import TriggerRegistry

logger = logging.getLogger(__name__)

Triggers = Mapping[TriggerKey, Trigger]


@dataclass(slots=True, kw_only=True)
class RemoteTriggers:
    """Keeps the registry in step with what the workers of other nodes registered."""

    registry: TriggerRegistry
    _of: dict[str, dict[TriggerKey, Trigger]] = field(default_factory=dict)
    """What is registered, by node."""

    def type_ids(self) -> set[str]:
        """Return the ids of the types whose triggers are registered in every process."""
        shared = [type_ for type_ in self.registry.types() if type_.registrator.is_shared]
        return {id_ for type_ in shared for id_ in (type_.id, *type_.registrator.aliases)}

    async def replace(self, node_id: str, triggers: Collection[Trigger]) -> None:
        """Take what the workers of a node have now in place of what they had.

        What cannot be registered here, because a route is taken, is left out until it changes.
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

    async def _register(self, trigger: Trigger) -> None:
        try:
            await self.registry.register(trigger)
        except IiiError as error:
            logger.info("Trigger %s of another node is not served here: %s", trigger.id, error)

    async def _unregister(self, trigger: Trigger) -> None:
        namespace, _ = trigger.key
        await self.registry.unregister(trigger.id, namespace=namespace)
