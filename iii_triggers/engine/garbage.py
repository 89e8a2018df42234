"""Looks for garbage as seldom as a server under load can afford."""

from __future__ import annotations

import gc

from iii_triggers.conf import settings

PYTHONS_OWN = 700
"""The threshold that Python begins with, for as long as nobody has chosen another."""
OBJECTS = 20_000
"""How many more objects there are before Python looks through the young ones.

Some dozens of requests at once have more than Python's own number: it would look through them with
every turn of the loop, find nothing, and go on to look through all that a site has loaded. Measured
with 32 connections: a tenth to a quarter of the requests/s of an HTTP trigger.
"""


def collect_seldom() -> None:
    """Leave what is there by now out of every search for garbage, and search less often.

    For a process that serves, once it has started. Does nothing if ``III_TUNE_GC`` is off; a
    threshold that the site has chosen stays.
    """
    if not settings.III_TUNE_GC:
        return
    gc.collect()
    gc.freeze()
    young, *older = gc.get_threshold()
    if young == PYTHONS_OWN:
        gc.set_threshold(OBJECTS, *older)
