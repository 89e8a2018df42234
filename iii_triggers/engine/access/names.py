"""What a worker calls its registrations, where prefixes and hooks gave them other ids."""

from __future__ import annotations

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import LimitExceeded

MAX_MADE = 10_000
MAX_RENAMED = 30_000


class OwnNames:
    """Registered ids and own ids of one connection; only what differs takes room."""

    __slots__ = ("_made", "_own", "_registered")

    def __init__(self) -> None:
        self._made: dict[str, None] = {}
        self._own: dict[tuple[str, str], str] = {}
        self._registered: dict[tuple[str, str], str] = {}

    def rename(self, kind: str, own_id: str, registered_id: str) -> None:
        """Note that the worker's ``own_id`` is known as ``registered_id``.

        Raise LimitExceeded for a worker that has too many such ids, and for ids that are too long
        to be registered.
        """
        former = self._registered.pop((kind, own_id), None)
        if former is not None:
            self._own.pop((kind, former), None)
        is_long = max(len(own_id), len(registered_id)) > settings.III_MAX_ID_LENGTH
        if len(self._own) >= MAX_RENAMED or (is_long and own_id != registered_id):
            raise LimitExceeded("The worker registered too much.")
        if own_id != registered_id:
            self._own[kind, registered_id] = own_id
            self._registered[kind, own_id] = registered_id

    def forget(self, kind: str, own_id: str, *, otherwise: str) -> str:
        """Return how ``own_id`` was registered (``otherwise``: no note of it), and forget it."""
        registered = self._registered.pop((kind, own_id), otherwise)
        self._own.pop((kind, registered), None)
        return registered

    def made(self, trigger_id: str) -> None:
        """Note a trigger that a call of this worker makes, which outlives its connection."""
        self._made[trigger_id] = None
        if len(self._made) > MAX_MADE:
            self._made.pop(next(iter(self._made)))

    def has_made(self, trigger_id: str) -> bool:
        """Tell whether a call of this worker made a trigger."""
        return trigger_id in self._made

    def own_function_id(self, registered_id: str) -> str:
        """Return what the worker calls a function."""
        return self._own.get(("function", registered_id), registered_id)

    def own_type_id(self, registered_id: str) -> str:
        """Return what the worker calls a trigger type."""
        return self._own.get(("trigger_type", registered_id), registered_id)
