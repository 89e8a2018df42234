"""Trigger types that the site fires itself: events of its own code, such as ``user.created``.

They are rows made in the admin or declared in code, and fire through ``fire_triggers``. While a
worker provides a type of the same id, the worker has its triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import TriggerRegistrator
from .json_schema import check_value

if TYPE_CHECKING:
    from iii_triggers.engine.trigger_values import Trigger


class SiteFiredTriggerType(TriggerRegistrator):
    """Accepts triggers whose config its schema allows; there is nothing to set up."""

    is_shared = True

    def __init__(self, config_schema: Any) -> None:
        self.config_schema = config_schema

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless the schema allows ``config``; no config is ``{}``."""
        super().validate_config(config)
        if self.config_schema is not None:
            check_value({} if config is None else config, self.config_schema)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Check the config."""
        self.validate_config(trigger.config)

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Do nothing: who fires asks the registry for the triggers that are live."""
