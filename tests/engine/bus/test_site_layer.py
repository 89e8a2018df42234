"""Which layer the bus takes, and when it is off."""

from __future__ import annotations

from typing import Any

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from iii_triggers.engine.bus import site_layer
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions


def test_a_layer_in_memory_turns_the_bus_off() -> None:
    assert site_layer() is None


def test_without_a_layer_the_bus_is_off(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    assert site_layer() is None


def test_each_engine_has_a_layer_of_its_own(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [{"address": "redis://localhost", "socket_timeout": None}]},
        }
    }
    assert isinstance(site_layer(), RedisChannelLayer)
    assert site_layer() is not site_layer()


def test_the_engine_may_have_another_layer_than_the_site(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "engine": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://localhost"]},
        }
    }
    settings.III_CHANNEL_LAYER = "engine"
    assert isinstance(site_layer(), RedisPubSubChannelLayer)


async def test_an_engine_without_a_bus_has_no_channel(engine: Engine, site: SiteFunctions) -> None:
    assert engine.node.channel == ""
    assert not engine.network.bus.is_on
