"""Registers ``http`` triggers in the route table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.base import TriggerRegistrator

from .candidates import Candidate
from .config import CONFIG_SCHEMA, parse_config
from .dispatch import HttpDispatcher, HttpTarget
from .patterns import parse_pattern
from .routes import RouteTable
from .sample import sample_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger
    from iii_triggers.models import Trigger as TriggerRow


POWERS = ("pass_headers", "allow_set_cookie", "allow_html")


class HttpTriggerType(TriggerRegistrator):
    """Maps HTTP routes to functions."""

    id = "http"
    aliases = ("api",)
    description = "Serves a function at a path and method over HTTP."
    config_schema = CONFIG_SCHEMA
    is_shared = True

    def __init__(self) -> None:
        self.routes: RouteTable[HttpTarget] = RouteTable()
        self.dispatcher: HttpDispatcher | None = None

    def bind(self, engine: Engine) -> None:
        """Answer requests with the functions of ``engine``."""
        self.dispatcher = HttpDispatcher(
            invoker=engine.invoker, channels=engine.channels, routes=self.routes
        )

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` matches ``CONFIG_SCHEMA``."""
        super().validate_config(config)
        parse_config(config)

    def conflict_key(self, config: Any) -> str | None:
        """Return method and shape of the path: two triggers of the site cannot share them."""
        try:
            parsed = parse_config(config)
            segments = parse_pattern(parsed.api_path).segments
        except InvalidConfig:
            return None
        shape = "/".join(":" if segment is None else segment for segment in segments)
        return f"{parsed.http_method} {shape}"

    def rivals(self, config: Any) -> Iterable[Trigger]:
        """Return the triggers that have the same route."""
        try:
            parsed = parse_config(config)
            targets = self.routes.targets(parsed.http_method, parsed.api_path)
        except InvalidConfig:
            return ()
        return [target.trigger for target in targets]

    def powers(self, config: Any) -> Iterable[str]:
        """Return what gives a function cookies and credentials of people, or scripts their page."""
        return [key for key in POWERS if isinstance(config, dict) and config.get(key)]

    async def register_trigger(self, trigger: Trigger) -> None:
        """Serve the route. Raise InvalidConfig, TriggerConflict or LimitExceeded."""
        config = parse_config(trigger.config)
        candidate = Candidate(
            key=trigger.key,
            trigger_id=trigger.id,
            function_id=trigger.function_id,
            namespace=trigger.namespace,
            is_worker_owned=trigger.source == "worker",
            since=trigger.since,
            target=HttpTarget(trigger=trigger, config=config),
        )
        self.routes.add(config.http_method, config.api_path, candidate)

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop serving the route; an older trigger of a worker on it comes back."""
        self.routes.remove(trigger.key)

    def sample_input(self, row: TriggerRow) -> Any:
        """Return the input for a request that somebody might send. Raise InvalidConfig."""
        return sample_of(parse_config(row.config))

    def timeout_s(self, row: TriggerRow) -> float | None:
        """Return how long the function may take. Raise InvalidConfig."""
        timeout_ms = parse_config(row.config).timeout_ms
        return None if timeout_ms is None else timeout_ms / 1000
