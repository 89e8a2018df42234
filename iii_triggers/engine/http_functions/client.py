"""Sends requests over one pool of connections: no redirects, cookies or proxies."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iii_triggers.conf import settings
from iii_triggers.engine.payload import Payload

from .answers import outcome_of
from .errors import RequestFailed, ResponseFailed
from .invocations import HttpInvocation
from .requests import Request, request_of
from .slots import Slots
from .urls import check_url

if TYPE_CHECKING:
    import httpcore

    from iii_triggers.engine.calls import Call

    from .resolving import Resolve, Resolver

CLOSE_TIMEOUT_S = 2.0
IDLE_CONNECTIONS = 20
KEEP_ALIVE_S = 30.0


@dataclass(slots=True, kw_only=True)
class HttpFunctions:
    """Calls HTTP-invoked functions; one for each engine. Nothing is made before the first call."""

    resolve: Resolve | None = None
    """Who tells the addresses of names; None is the system."""
    slots: Slots = field(
        default_factory=lambda: Slots(size=lambda: settings.III_HTTP_FUNCTION_CONCURRENCY)
    )
    _pool: httpcore.AsyncConnectionPool | None = None
    _resolver: Resolver | None = None

    async def call(self, invocation: HttpInvocation, call: Call) -> Payload:
        """Call a function and return its result.

        Raise UrlRefused, SecretNotFound, TokenNotFound, ApiKeyNotFound, RequestFailed,
        ResponseFailed, InvalidResponse, HttpError, LimitExceeded or SerializationFailed.
        """
        request = request_of(
            invocation,
            check_url(invocation.url),
            function_id=call.function_id,
            body=call.data.json(),
            traceparent=call.traceparent,
        )
        try:
            async with asyncio.timeout(invocation.timeout_ms / 1000):
                async with self.slots.take(request.url.netloc):
                    status, body = await self._send(request)
        except TimeoutError as error:
            raise RequestFailed(f"No answer within {invocation.timeout_ms} ms.") from error
        return outcome_of(status, body)

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with suppress(TimeoutError, RuntimeError, OSError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await pool.aclose()
        if self._resolver is not None:
            self._resolver.close()
            self._resolver = None

    async def _send(self, request: Request) -> tuple[int, bytes]:
        pool = await self._connections()
        import httpcore

        url = request.url
        try:
            async with pool.stream(
                request.method,
                httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
                headers=request.headers,
                content=request.body,
            ) as response:
                return response.status, await _read(response)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            reason = str(error) or type(error).__name__
            raise RequestFailed(f"The request failed: {reason}") from error

    async def _connections(self) -> httpcore.AsyncConnectionPool:
        # In a thread: reading the certificates takes tens of milliseconds.
        context = None if self._pool else await asyncio.to_thread(ssl_context)
        if self._pool is None:
            import httpcore

            from .resolving import CheckedBackend, Resolver

            resolve = self.resolve
            if resolve is None:
                resolve = self._resolver = Resolver()
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=settings.III_HTTP_FUNCTION_CONCURRENCY,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=KEEP_ALIVE_S,
                network_backend=CheckedBackend(resolve),
            )
        return self._pool


def ssl_context() -> ssl.SSLContext:
    """Return what verifies servers by the authorities of the system, or of ``certifi`` without."""
    import certifi
    import httpcore  # noqa: F401 - loaded here, where it holds up nobody

    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


async def _read(response: httpcore.Response) -> bytes:
    """Return the body. Raise ResponseFailed if it breaks off or is too large."""
    import httpcore

    limit = settings.III_HTTP_FUNCTION_MAX_BYTES
    body = bytearray()
    try:
        async for part in response.aiter_stream():
            body += part
            if len(body) > limit:
                raise ResponseFailed(f"The response is larger than {limit} bytes.")
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise ResponseFailed(f"The response broke off: {error}") from error
    return bytes(body)
