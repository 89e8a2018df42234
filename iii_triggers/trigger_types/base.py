"""What a trigger type is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from iii_triggers.protocol.errors import InvalidConfig

from .schema_examples import example_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.core.checks import CheckMessage

    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.functions import LocalFunction
    from iii_triggers.engine.trigger_values import Trigger
    from iii_triggers.models import Trigger as TriggerRow


class TriggerRegistrator(ABC):
    """Registers and unregisters the triggers of one type.

    A built-in type is a subclass named in ``III_TRIGGER_TYPES``; the types of workers share one
    subclass that forwards to the worker. Every hook but the two registrations has a default.
    """

    id: str = ""
    """The id triggers name in ``type``."""

    aliases: Sequence[str] = ()
    """Other ids that older SDKs use for this type."""

    description: str = ""
    """One line for people."""

    config_schema: dict[str, Any] | None = None
    """JSON Schema of the config of a trigger."""

    call_schema: dict[str, Any] | None = None
    """JSON Schema of what functions receive."""

    is_shared: bool = False
    """Whether the triggers of a worker are registered in every process: for types whose events come
    in anywhere. Others hear of the rest in a way of their own, or only of what happens here."""

    def bind(self, engine: Engine) -> None:  # noqa: B027 - a hook with a harmless default
        """Get hold of the engine this type belongs to. Called once, before anything else."""

    async def send_clients_away(self) -> None:  # noqa: B027 - a hook with a harmless default
        """Have clients of the type connect elsewhere: the engine begins to stop.

        Takes no more than moments. All workers are still connected, and triggers still fire.
        """

    async def unbind(self) -> None:  # noqa: B027 - a hook with a harmless default
        """Give up what has not fired: the engine stops, and nothing is in flight any more.

        Takes no more than moments. What runs is over time then. Workers that nobody can stand in
        for are still connected.
        """

    def dismissed(self) -> None:  # noqa: B027 - a hook with a harmless default
        """Give up what has yet to be said: the type was withdrawn, or is provided anew."""

    def functions(self) -> Iterable[LocalFunction]:
        """Return the functions that come with the type, such as the one that fires it."""
        return ()

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig (with ``field``) unless ``config`` is one of this type."""
        if config is not None and not isinstance(config, dict):
            raise InvalidConfig("The config must be a JSON object.")

    def conflict_key(self, config: Any) -> str | None:
        """Return what only one trigger of the site may have, such as a route; None for nothing."""
        return None

    def rivals(self, config: Any) -> Iterable[Trigger]:
        """Return the triggers that one with ``config`` would take something from."""
        return ()

    def powers(self, config: Any) -> Iterable[str]:
        """Return the keys of ``config`` that ask for more than a stranger may have."""
        return ()

    @property
    def follows_rows(self) -> bool:
        """Whether ``row_saved`` does something; if not, rows of workers' triggers are written many
        at a time and without it.
        """
        return type(self).row_saved is not TriggerRegistrator.row_saved

    @abstractmethod
    async def register_trigger(self, trigger: Trigger) -> None:
        """Make ``trigger`` fire. Raise TriggerRejected if it cannot.

        A trigger id that is already registered is replaced; if the new one is rejected, the old
        one stays.
        """

    @abstractmethod
    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop ``trigger``. Unknown triggers are ignored."""

    def row_saved(self, row: TriggerRow) -> None:  # noqa: B027 - a hook with a harmless default
        """Bring rows in step with the row of a trigger, in the transaction that saved it.

        Called for rows of workers and of the site, also when one is or becomes disabled. What
        identical triggers share is noted in ``identity``, with a queryset's ``update``.
        """

    def row_removed(self, row: TriggerRow, *, by_disconnect: bool) -> None:  # noqa: B027
        """Undo ``row_saved`` in the transaction that removed the row.

        ``by_disconnect`` tells that nobody asked for it: the worker, or its process, went away.
        """

    def sample_input(self, row: TriggerRow) -> Any:
        """Return what the function of a trigger may get: something to try it with, and to edit.

        Raise InvalidConfig if the config of the trigger tells too little.
        """
        return example_of(self.call_schema) if self.call_schema is not None else {}

    def timeout_s(self, row: TriggerRow) -> float | None:
        """Return how long one run of the function may take; None is the site's setting.

        Raise InvalidConfig if the config of the trigger is not valid.
        """
        return None

    def run_checks(self) -> Sequence[CheckMessage]:
        """Return what is wrong with the settings of this type."""
        return ()
