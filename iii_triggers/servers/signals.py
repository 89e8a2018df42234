"""What a server does about SIGINT and SIGTERM, whichever server it is."""

from __future__ import annotations

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def die_at_next_signal() -> None:
    """Let the next SIGINT or SIGTERM end the process at once: the first is being obeyed."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
