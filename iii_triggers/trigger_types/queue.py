"""The ``queue`` trigger type: a function gets every message of a topic, durably.

The registry only checks; the subscription is a row that follows the row of the trigger, so that it
is there for every process and outlives the connection of its worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iii_triggers.delivery.subscriptions import Wish, let_go, subscribe
from iii_triggers.models import Trigger as TriggerRow
from iii_triggers.protocol.errors import InvalidConfig

from .base import TriggerRegistrator
from .identity import identity_of
from .queue_config import CONFIG_SCHEMA, parse_config

if TYPE_CHECKING:
    from iii_triggers.engine.trigger_values import Trigger


class QueueTriggerType(TriggerRegistrator):
    """Runs a function for every message of a topic, and tries again when it fails."""

    id = "queue"
    aliases = ("durable:subscriber", "event")
    description = "Runs a function for every message of a topic; nothing accepted is lost."
    config_schema = CONFIG_SCHEMA

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` names a topic and its ``queue_config`` is right."""
        super().validate_config(config)
        parse_config(config)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Check the config; the row of the trigger brings the subscription. Raise InvalidConfig."""
        self.validate_config(trigger.config)

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Do nothing: the subscription ends with the row."""

    def row_saved(self, row: TriggerRow) -> None:
        """Subscribe, or end what the trigger subscribed to before."""
        before = row.identity
        wish = _wish(row) if row.enabled else None
        row.identity = wish.identity if wish is not None else ""
        if row.identity != before:
            TriggerRow.objects.filter(pk=row.pk).update(identity=row.identity)
            let_go(before, by_disconnect=False)
        if wish is not None:
            subscribe(wish)

    def row_removed(self, row: TriggerRow, *, by_disconnect: bool) -> None:
        """End the subscription, unless others hold it; keep it for a worker that comes back."""
        let_go(row.identity, by_disconnect=by_disconnect)

    def timeout_s(self, row: TriggerRow) -> float | None:
        """Return how long one attempt may take. Raise InvalidConfig."""
        return parse_config(row.config).policy.timeout_s


def _wish(row: TriggerRow) -> Wish | None:
    """Return what the trigger asks for; nothing for one whose config is refused."""
    try:
        config = parse_config(row.config)
    except InvalidConfig:
        return None
    return Wish(
        identity=identity_of("queue", config.topic, row.function_id, row.namespace),
        topic=config.topic,
        function_id=row.function_id,
        namespace=row.namespace,
        trigger_id=row.trigger_id,
        metadata=row.metadata,
        policy=config.policy,
    )
