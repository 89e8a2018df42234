"""Ends a process, also one whose functions do not end."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Collection
from typing import NoReturn

logger = logging.getLogger(__name__)

POOLS = ("iii-function", "iii-handler", "iii-delivery")
PATIENCE_S = 0.5


def leave_stuck_threads() -> None:
    """End the process, with code 0, if a function still runs on a thread; else return.

    For the end of a command that has stopped cleanly. The function had its grace; Python would
    wait for its thread for ever.
    """
    deadline = time.monotonic() + PATIENCE_S
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(POOLS)]
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    stuck = [thread for thread in threads if thread.is_alive()]
    if not stuck:
        return
    _leave(len(stuck))


def end_quickly() -> None:
    """Have Python end without looking through all objects, several times over.

    For the end of a command: that look takes more than the rest of a stop.
    """
    gc.freeze()


def leave_stuck_tasks(tasks: Collection[object]) -> None:
    """End the process, with code 0, if there are tasks that ignored their cancellation.

    For the end of a server that has stopped cleanly: asyncio would wait for them for ever.
    """
    if tasks:
        _leave(len(tasks))


def _leave(count: int) -> NoReturn:
    logger.warning("%d functions did not end; the process ends without them.", count)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
