"""From the frames of the engine to the parts of the client that want them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from iii_triggers.protocol.codec import decode, tidy_error
from iii_triggers.protocol.errors import MalformedFrame
from iii_triggers.protocol.messages import Error, Message, RegistrationRejected

logger = logging.getLogger(__name__)

Routes = Mapping[type[Message], Callable[[Any], None]]


class Inbound:
    """Decodes frames and hands each message to its route; never blocks and never raises."""

    def __init__(self, routes: Routes) -> None:
        self._routes: Routes = {Error: _on_error, RegistrationRejected: _on_rejected, **routes}

    def receive(self, frame: str | bytes) -> None:
        """Handle one frame; what is malformed or unknown is logged and skipped."""
        if not frame.strip():
            return
        try:
            message = decode(frame)
            self._routes.get(type(message), _ignore)(message)
        except MalformedFrame as error:
            logger.warning("Skipped a frame of the engine: %s", error)
        except Exception:
            logger.exception("A frame of the engine could not be handled")


def _ignore(message: Message) -> None:
    logger.debug("Ignored %s", type(message).__name__)


def _on_error(message: Error) -> None:
    error = tidy_error(message.error)
    logger.error("The engine refuses this worker: %s: %s", error.code, error.message)


def _on_rejected(message: RegistrationRejected) -> None:
    logger.error(
        "The engine rejected %s in namespace %s: %s",
        message.function_id or message.worker_name,
        message.namespace,
        message.code,
    )
