"""From a request to an answer: the one core behind both HTTP doors (design, section 5)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iii_triggers.conf import settings
from iii_triggers.context import firing
from iii_triggers.engine.calls import Call
from iii_triggers.engine.channels import Channels
from iii_triggers.engine.conditions import condition_holds
from iii_triggers.engine.invocation import Invoker
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import IiiError, SerializationFailed
from iii_triggers.protocol.text import one_line
from iii_triggers.protocol.trace_context import valid_traceparent

from . import errors
from .body import kind_of, parse_body
from .config import HttpConfig
from .cors import add_cors_headers, preflight
from .exchange import Exchange, Streamed
from .incoming import Incoming, RequestBody, read_body
from .middleware import ask_middleware
from .request import HttpRequest, build_input, request_facts
from .response import (
    HttpResponse,
    from_raw_json,
    from_result,
    from_stream,
    may_be_full_response,
    no_content,
)
from .routes import Match, MethodNotAllowed, RouteTable
from .upload import PIECE_BYTES

if TYPE_CHECKING:
    from iii_triggers.engine.tracing.spans import Spans


logger = logging.getLogger(__name__)

SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """What a route leads to."""

    trigger: Trigger
    config: HttpConfig


@dataclass(slots=True, kw_only=True)
class HttpDispatcher:
    """Answers requests that match an ``http`` trigger."""

    invoker: Invoker
    channels: Channels
    routes: RouteTable[HttpTarget]

    def first_bytes(self, request: HttpRequest) -> int:
        """Return how many bytes of body the function needs to start; 0 if no trigger has the path.

        May be called from any thread, for doors that must read the body beforehand.
        """
        found = self.routes.match(request.method, request.raw_path)
        if not isinstance(found, Match):
            return 0
        if kind_of(request.header(b"content-type")) == "raw":
            return PIECE_BYTES
        return found.target.config.max_body_bytes or settings.III_MAX_BODY_BYTES

    async def answer(self, request: HttpRequest, incoming: Incoming) -> HttpResponse | None:
        """Return the response to ``request``, or None if no trigger has its path.

        The body is read from ``incoming``, only for a request that has a trigger, and while a
        streamed response is sent as well. Never raises an IiiError: it becomes a JSON error.
        """
        found = self.routes.match(request.method, request.raw_path)
        if found is None:
            return None
        origins = settings.III_CORS_ALLOWED_ORIGINS
        if isinstance(found, MethodNotAllowed):
            response = self._refuse(request, found)
        else:
            body, traceparent = RequestBody(incoming), _traceparent(request)
            if self.invoker.tracer is None:
                response = await self._serve(found, request, body, traceparent)
            else:
                response = await self._trace(self.invoker.tracer, found, request, body, traceparent)
        if origins and request.method != "OPTIONS":
            add_cors_headers(response, request, allowed_origins=origins)
        if request.method == "HEAD":
            response.without_body()
        return response

    def _refuse(self, request: HttpRequest, found: MethodNotAllowed) -> HttpResponse:
        if request.method == "OPTIONS":
            origins = settings.III_CORS_ALLOWED_ORIGINS
            return preflight(request, found.allowed, allowed_origins=origins)
        return errors.method_not_allowed(found.allowed, error_id=self.invoker.new_id())

    async def _trace(
        self,
        tracer: Spans,
        match: Match[HttpTarget],
        request: HttpRequest,
        body: RequestBody,
        traceparent: str | None,
    ) -> HttpResponse:
        from iii_triggers.engine.tracing.firings import request_span

        with request_span(
            tracer,
            match.target.trigger.cause,
            method=request.method,
            route=f"/{match.pattern}",
            path=request.raw_path.decode("latin-1"),
            parent=(traceparent or "", request.header(b"tracestate").decode("latin-1")),
        ) as span:
            response = await self._serve(match, request, body, span.traceparent)
            span.answered(response.status)
            return response

    async def _serve(
        self,
        match: Match[HttpTarget],
        request: HttpRequest,
        body: RequestBody,
        traceparent: str | None,
    ) -> HttpResponse:
        error_id = self.invoker.new_id()
        try:
            middleware = _middleware(match.target.config)
            if middleware:
                firing.set((error_id, match.target.trigger))
                refusal = await self._ask(middleware, match, request, traceparent)
                if refusal is not None:
                    return refusal
            is_parsed = await read_body(body, request, match.target.config)
            value = _input(match, request, body.content if is_parsed else b"")
            condition = match.target.config.condition_function_id
            if condition and not await self._condition_holds(
                condition, match.target, value, traceparent
            ):
                return errors.condition_not_met(error_id=error_id)
            exchange = self._exchange(match.target.config, body, error_id)
            value |= exchange.refs()
            call = _call(match.target, Payload.of(value), error_id, traceparent)
            return _response(await exchange.run(call), match.target, error_id)
        except IiiError as error:
            return _failure(match, error, error_id)
        except RecursionError:
            too_deep = SerializationFailed("The value is nested too deeply.")
            return errors.from_error(too_deep, error_id=error_id)

    def _exchange(self, config: HttpConfig, body: RequestBody, id: str) -> Exchange:
        return Exchange(
            id=id,
            channels=self.channels,
            invoker=self.invoker,
            body=body,
            max_body_bytes=config.max_body_bytes,
            timeout_s=_timeout_s(config),
        )

    async def _ask(
        self,
        function_ids: Sequence[str],
        match: Match[HttpTarget],
        request: HttpRequest,
        traceparent: str | None,
    ) -> HttpResponse | None:
        config = match.target.config
        return await ask_middleware(
            self.invoker,
            function_ids,
            request_facts(request, path_params=match.path_params, pass_headers=config.pass_headers),
            namespace=match.target.trigger.namespace,
            timeout_s=_timeout_s(config),
            traceparent=traceparent,
            allow_set_cookie=config.allow_set_cookie,
            allow_html=config.allow_html,
        )

    async def _condition_holds(
        self, condition: str, target: HttpTarget, value: dict[str, Any], traceparent: str | None
    ) -> bool:
        return await condition_holds(
            self.invoker,
            condition,
            # A copy: the function must not see what its condition does to the input.
            Payload.of_json(Payload.of(value).json()),
            namespace=target.trigger.namespace,
            timeout_s=_timeout_s(target.config),
            traceparent=traceparent,
        )


def _input(match: Match[HttpTarget], request: HttpRequest, content: bytes) -> dict[str, Any]:
    body = None
    if content:
        body = parse_body(
            request.header(b"content-type"),
            content,
            content_encoding=request.header(b"content-encoding"),
        )
    return build_input(
        request,
        pattern=match.pattern,
        route_method=match.method,
        path_params=match.path_params,
        body=body,
        pass_headers=match.target.config.pass_headers,
    )


def _traceparent(request: HttpRequest) -> str | None:
    header = request.header(b"traceparent")
    return valid_traceparent(header.decode("latin-1")) if header else None


def _call(target: HttpTarget, data: Payload, invocation_id: str, traceparent: str | None) -> Call:
    return Call(
        function_id=target.trigger.function_id,
        namespace=target.trigger.namespace,
        data=data,
        metadata=target.trigger.metadata,
        invocation_id=invocation_id,
        timeout_s=_timeout_s(target.config),
        traceparent=traceparent,
        cause=target.trigger.cause,
    )


def _failure(match: Match[HttpTarget], error: IiiError, error_id: str) -> HttpResponse:
    response = errors.from_error(error, error_id=error_id)
    if response.status >= SERVER_ERROR:
        # No message: it is the function's, and may hold what was sent to it.
        firing.set((error_id, match.target.trigger))
        status, code = response.status, one_line(error.code)
        logger.warning("%s /%s is answered %d: %s", match.method, match.pattern, status, code)
    return response


def _middleware(config: HttpConfig) -> Sequence[str]:
    ours, own = settings.III_HTTP_MIDDLEWARE, config.middleware_function_ids
    return [*ours, *own] if ours else own


def _timeout_s(config: HttpConfig) -> float:
    return (config.timeout_ms or settings.III_DEFAULT_TIMEOUT_MS) / 1000


def _response(result: Payload | Streamed, target: HttpTarget, invocation_id: str) -> HttpResponse:
    config = target.config
    if isinstance(result, Payload):
        if not result.present:
            return no_content()
        if result.is_json and not may_be_full_response(result.json()):
            return from_raw_json(result.json())
    # Only now, for what is logged of its headers: most requests log nothing, and it costs 0.2 us.
    firing.set((invocation_id, target.trigger))
    if isinstance(result, Streamed):
        return _streamed_response(result, config)
    return from_result(
        result.value(),
        allow_set_cookie=config.allow_set_cookie,
        allow_html=config.allow_html,
    )


def _streamed_response(streamed: Streamed, config: HttpConfig) -> HttpResponse:
    return from_stream(
        streamed.status,
        streamed.headers,
        streamed,
        allow_set_cookie=config.allow_set_cookie,
        allow_html=config.allow_html,
    )
