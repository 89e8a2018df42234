"""Checks of the channel layers: E018 and W004."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name

from iii_triggers.conf import settings as iii_settings

from .versions import installed_version

# The only layer that waits in a blocking read (five seconds), which redis-py 8 times out.
BLOCKING_LAYER = "channels_redis.core.RedisChannelLayer"


def check_alias(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the layer of the engine is one of the site's; without any the bus is off."""
    alias = iii_settings.III_CHANNEL_LAYER
    if alias == DEFAULT_CHANNEL_LAYER or alias in getattr(settings, "CHANNEL_LAYERS", {}):
        return []
    return [
        Error(
            f"III_CHANNEL_LAYER: CHANNEL_LAYERS has no {alias!r}.",
            hint="Name one of its keys.",
            id="iii_triggers.E018",
        )
    ]


def check_channel_layers(**_kwargs: Any) -> list[CheckMessage]:
    """Check that an idle Redis channel layer does not run into the socket timeout of redis 8."""
    if (installed_version("redis") or (0,)) < (8,):
        return []
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    return [
        _timeout(alias)
        for alias, layer in layers.items()
        if layer.get("BACKEND") == BLOCKING_LAYER
        and not all(_waits(host) for host in _hosts(layer))
    ]


def _hosts(layer: Mapping[str, Any]) -> Iterator[Any]:
    hosts = layer.get("CONFIG", {}).get("hosts")
    yield from [hosts] if isinstance(hosts, (str, bytes)) else hosts or [None]


def _waits(host: Any) -> bool:
    return isinstance(host, Mapping) and host.get("socket_timeout", 0) is None


def _timeout(alias: str) -> CheckMessage:
    return Warning(
        f"Channel layer '{alias}': with redis 8 an idle process fails with TimeoutError after "
        "five seconds.",
        hint="Write its hosts as [{'address': 'redis://…', 'socket_timeout': None}].",
        id="iii_triggers.W004",
    )
