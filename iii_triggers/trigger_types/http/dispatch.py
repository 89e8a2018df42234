"""From a request to an answer: the one core behind both HTTP doors (design, section 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call
from iii_triggers.engine.conditions import condition_holds
from iii_triggers.engine.invocation import Invoker
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import IiiError, SerializationFailed

from . import errors
from .body import parse_body
from .config import HttpConfig
from .cors import add_cors_headers, preflight
from .request import HttpRequest, build_input
from .response import HttpResponse, from_raw_json, from_result, may_be_full_response, no_content
from .routes import Match, MethodNotAllowed, RouteTable

MAX_LENGTH_DIGITS = 20

ReadBody = Callable[[int], Awaitable[bytes | None]]
"""Reads the request body up to a limit in bytes; None if it is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """What a route leads to."""

    trigger: Trigger
    config: HttpConfig


@dataclass(slots=True, kw_only=True)
class HttpDispatcher:
    """Answers requests that match an ``http`` trigger."""

    invoker: Invoker
    routes: RouteTable[HttpTarget]

    def body_limit(self, request: HttpRequest) -> int:
        """Return how many bytes of body are of interest; 0 if no trigger has the path.

        May be called from any thread, for doors that must read the body beforehand.
        """
        found = self.routes.match(request.method, request.raw_path)
        if not isinstance(found, Match):
            return 0
        return _body_limit(found.target.config)

    async def answer(self, request: HttpRequest, read_body: ReadBody) -> HttpResponse | None:
        """Return the response to ``request``, or None if no trigger has its path.

        ``read_body`` is called once, and only for a request that has a trigger; the body of
        ``request`` need not be there before. Never raises an IiiError: it becomes a JSON error.
        """
        found = self.routes.match(request.method, request.raw_path)
        if found is None:
            return None
        origins = settings.III_CORS_ALLOWED_ORIGINS
        if isinstance(found, MethodNotAllowed):
            response = self._refuse(request, found)
        else:
            response = await self._serve(found, request, read_body)
        if origins and request.method != "OPTIONS":
            add_cors_headers(response, request, allowed_origins=origins)
        if request.method == "HEAD":
            response.body = b""
        return response

    def _refuse(self, request: HttpRequest, found: MethodNotAllowed) -> HttpResponse:
        if request.method == "OPTIONS":
            origins = settings.III_CORS_ALLOWED_ORIGINS
            return preflight(request, found.allowed, allowed_origins=origins)
        return errors.method_not_allowed(found.allowed, error_id=self.invoker.new_id())

    async def _serve(
        self, match: Match[HttpTarget], request: HttpRequest, read_body: ReadBody
    ) -> HttpResponse:
        error_id = self.invoker.new_id()
        limit = _body_limit(match.target.config)
        if _declared_length(request) > limit:
            return errors.payload_too_large(limit, error_id=error_id)
        body = await read_body(limit)
        if body is None:
            return errors.payload_too_large(limit, error_id=error_id)
        request.body = body
        try:
            data = _input(match, request)
            if not await self._condition_holds(match.target, data):
                return errors.condition_not_met(error_id=error_id)
            result = await self.invoker.invoke(_call(match.target, data, request, error_id))
            return _response(result, match.target.config)
        except IiiError as error:
            return errors.from_error(error, error_id=error_id)
        except RecursionError:
            too_deep = SerializationFailed("The value is nested too deeply.")
            return errors.from_error(too_deep, error_id=error_id)

    async def _condition_holds(self, target: HttpTarget, data: Payload) -> bool:
        condition = target.config.condition_function_id
        if condition is None:
            return True
        return await condition_holds(
            self.invoker,
            condition,
            # A copy: the function must not see what its condition does to the input.
            Payload.of_json(data.json()),
            namespace=target.trigger.namespace,
            timeout_s=_timeout_s(target.config),
        )


def _input(match: Match[HttpTarget], request: HttpRequest) -> Payload:
    body = None
    if request.body:
        body = parse_body(
            request.header(b"content-type"),
            request.body,
            content_encoding=request.header(b"content-encoding"),
        )
    value = build_input(
        request,
        pattern=match.pattern,
        route_method=match.method,
        path_params=match.path_params,
        body=body,
        pass_headers=match.target.config.pass_headers,
    )
    return Payload.of(value)


def _call(target: HttpTarget, data: Payload, request: HttpRequest, invocation_id: str) -> Call:
    traceparent = request.header(b"traceparent")
    return Call(
        function_id=target.trigger.function_id,
        namespace=target.trigger.namespace,
        data=data,
        metadata=target.trigger.metadata,
        invocation_id=invocation_id,
        timeout_s=_timeout_s(target.config),
        traceparent=traceparent.decode("latin-1") if traceparent else None,
    )


def _body_limit(config: HttpConfig) -> int:
    return config.max_body_bytes or settings.III_MAX_BODY_BYTES


def _timeout_s(config: HttpConfig) -> float:
    return (config.timeout_ms or settings.III_DEFAULT_TIMEOUT_MS) / 1000


def _response(result: Payload, config: HttpConfig) -> HttpResponse:
    if not result.present:
        return no_content()
    if result.is_json and not may_be_full_response(result.json()):
        return from_raw_json(result.json())
    return from_result(
        result.value(),
        allow_set_cookie=config.allow_set_cookie,
        allow_html=config.allow_html,
    )


def _declared_length(request: HttpRequest) -> int:
    length = request.header(b"content-length")
    # Python refuses to read a number of thousands of digits; the first few say enough.
    return int(length[:MAX_LENGTH_DIGITS]) if length.isdigit() else 0
