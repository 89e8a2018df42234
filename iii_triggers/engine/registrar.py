"""Loads the registrators of trigger types, and calls them: strangers' code, so with a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

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


def load_registrators(paths: Iterable[str]) -> list[TriggerRegistrator]:
    """Make the registrators of the built-in types from the paths of their classes."""
    return [import_string(path)() for path in paths]


def built_in(registrator: TriggerRegistrator) -> TriggerTypeEntry:
    """Return the entry of a built-in type."""
    return TriggerTypeEntry(
        id=registrator.id,
        namespace="default",
        registrator=registrator,
        description=registrator.description,
        config_schema=registrator.config_schema,
        call_schema=registrator.call_schema,
    )


async def send_clients_away(registrator: TriggerRegistrator) -> None:
    """Tell a built-in type that the engine begins to stop."""
    await _end(registrator, registrator.send_clients_away)


async def unbind(registrator: TriggerRegistrator) -> None:
    """Tell a built-in type that the engine stops."""
    await _end(registrator, registrator.unbind)


async def _end(registrator: TriggerRegistrator, hook: Callable[[], Awaitable[None]]) -> None:
    """Call a hook; the engine goes on stopping whatever becomes of it."""
    try:
        async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
            await hook()
    except Exception:
        logger.warning("Trigger type %s did not stop cleanly.", registrator.id, exc_info=True)
