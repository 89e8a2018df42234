"""The Python client of the engine: offer functions, bind triggers, call functions.

``init(url)`` gives a client for plain code, ``AsyncClient`` one for asyncio. Imports no Django.
"""

from .client import AsyncClient
from .facade import Client, init
from .provider import Trigger, TriggerHandler

__all__ = ["AsyncClient", "Client", "Trigger", "TriggerHandler", "init"]
