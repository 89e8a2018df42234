"""Calls the registrators of trigger types, which are strangers' code: with a deadline each."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from iii_triggers.protocol.errors import IiiError, TriggerRejected

from .trigger_values import Trigger, TriggerTypeEntry

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator

logger = logging.getLogger(__name__)

REGISTRATOR_TIMEOUT_S = 10.0


async def register_with(provider: TriggerTypeEntry, trigger: Trigger) -> None:
    """Hand a trigger to its type. Raise TriggerRejected, or the IiiError of the type itself."""
    try:
        async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
            await provider.registrator.register_trigger(trigger)
    except IiiError:
        raise
    except TimeoutError as error:
        raise TriggerRejected("The trigger type did not answer in time.") from error
    except Exception as error:
        logger.exception("Trigger type %s failed to register a trigger.", provider.id)
        raise TriggerRejected("The trigger type failed to register the trigger.") from error


async def unregister_with(provider: TriggerTypeEntry, trigger: Trigger) -> None:
    """Take a trigger from its type; it counts as taken even if that fails."""
    try:
        async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
            await provider.registrator.unregister_trigger(trigger)
    except Exception:
        logger.warning("Trigger %s could not be unregistered.", trigger.id, exc_info=True)


async def unbind(registrator: TriggerRegistrator) -> None:
    """Tell a built-in type that the engine stops; that goes on whatever becomes of it."""
    try:
        async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
            await registrator.unbind()
    except Exception:
        logger.warning("Trigger type %s did not stop cleanly.", registrator.id, exc_info=True)
