"""Connections to addresses that were checked: a name is asked for once, and never again.

Whoever owns a name can answer "public" when it is checked and "loopback" when it is connected to
(DNS rebinding). Here the answer that is checked is the one that is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from .addresses import Address
from .errors import UrlRefused
from .one_write import HoldingStream
from .urls import NO_ADDRESS, address_of, check_address

Resolve = Callable[[str, int], Awaitable[list[Address]]]

MAX_TRIED = 4
"""Addresses of one name that are tried before the connection counts as failed."""


class Resolver:
    """Asks the system for addresses, in threads of its own: a slow name holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="iii-dns")

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a name, best first. Raise UrlRefused if there are none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError) as error:
            raise UrlRefused(NO_ADDRESS) from error
        return found

    def close(self) -> None:
        """End the threads, without waiting for answers."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to one of those."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect. Raise UrlRefused, or the ConnectError of the last address that was tried."""
        addresses = await self._addresses(host, port)
        error: Exception = UrlRefused(NO_ADDRESS)
        for address in addresses[:MAX_TRIED]:
            try:
                stream = await self._network.connect_tcp(
                    str(address), port, timeout=timeout, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                return HoldingStream(stream)
        raise error

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL leads to a local socket."""
        raise UrlRefused()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        literal = address_of(host)
        addresses = [literal] if literal is not None else await self._resolve(host, port)
        for address in addresses:
            check_address(address)
        return addresses


def _look_up(host: str, port: int) -> list[Address]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_address(str(row[4][0])) for row in rows))


def _address(text: str) -> Address:
    """Read an address; the interface of a link-local one is dropped, because it is refused."""
    return ipaddress.ip_address(text.partition("%")[0])
