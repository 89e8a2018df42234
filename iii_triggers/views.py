"""The doors inside Django's request stack: the catch-all trigger view and the health pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from .consumption.health import states as celery_states
from .engine.process import get_engine, process_engine, run_async, run_sync
from .trigger_types.http import request as neutral
from .trigger_types.http.dispatch import HttpDispatcher
from .trigger_types.http.incoming import ClientGone
from .trigger_types.http.registrator import HttpTriggerType
from .trigger_types.http.response import ByteStream
from .trigger_types.http.response import HttpResponse as NeutralResponse
from .trigger_types.http.upload import PIECE_BYTES

MAX_SILENCE_S = 24 * 3600.0
"""How long a streamed answer under WSGI waits for its next chunk."""


# Exempt: functions never see the session cookie, so there is no session to ride on.
@csrf_exempt
async def http_trigger(request: HttpRequest, trigger_path: str) -> HttpResponseBase:
    """Answer the trigger route ``trigger_path``; raise Http404 if no trigger has it.

    The same routes as the dispatcher, behind the site's middleware and under WSGI as well.
    Streamed answers stream under both. Under ASGI Django keeps a body in a file until it is there.
    """
    neutral_request = _neutral(request, trigger_path)
    limit = await run_async(_first_bytes(neutral_request))
    # Read here: under WSGI it blocks, which must not stop the loop of the engine.
    body = ViewBody(request, request.read(limit + 1), limit=limit)
    response = await run_async(_answer(neutral_request, body))
    if response is None:
        raise Http404(f"No trigger answers {trigger_path}")
    answer = _django_response(request, response)
    del answer["content-type"]
    for name, value in response.headers:
        _add_header(answer, name.decode("latin-1"), value.decode("latin-1"))
    return answer


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process can answer at all."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the engine takes work, 503 while it does not.

    Where no ASGI server has started the engine (WSGI), this starts it. In ``runengine`` it also
    tells how its Celery worker and its beat are: ``running`` or ``restarting``.
    """
    engine = get_engine()
    if not engine.is_running and not engine.draining:
        process_engine.start_in_background()
    is_ready = engine.is_running and not engine.draining
    status = "ready" if is_ready else "draining" if engine.draining else "starting"
    return JsonResponse({"status": status, **celery_states()}, status=200 if is_ready else 503)


def _add_header(answer: HttpResponseBase, name: str, value: str) -> None:
    """Add a header: Django keeps one value for each name, and cookies in a jar of their own.

    A cookie the jar does not take (one with an attribute newer than Python, or a second one of
    its name) goes out as a header; there is room for one.
    """
    if name == "set-cookie":
        read = _cookies(value)
        # An attribute that Python does not know is a second cookie to it, with those that follow.
        if len(read) == 1 and not read.keys() & answer.cookies.keys():
            answer.cookies.update(read)
        else:
            answer.headers[name] = value
    elif name in answer.headers:
        answer.headers[name] = f"{answer.headers[name]}, {value}"
    else:
        answer.headers[name] = value


def _cookies(value: str) -> SimpleCookie:
    try:
        return SimpleCookie(value)
    except CookieError:
        return SimpleCookie()


def _dispatcher() -> HttpDispatcher | None:
    http = get_engine().trigger_type(HttpTriggerType.id)
    return http.dispatcher if isinstance(http, HttpTriggerType) else None


async def _first_bytes(request: neutral.HttpRequest) -> int:
    dispatcher = _dispatcher()
    return dispatcher.first_bytes(request) if dispatcher is not None else 0


async def _answer(request: neutral.HttpRequest, body: ViewBody) -> NeutralResponse | None:
    dispatcher = _dispatcher()
    return None if dispatcher is None else await dispatcher.answer(request, body)


class ViewBody:
    """The body of a request: the first bytes are read, the rest comes from Django in a thread."""

    def __init__(self, request: HttpRequest, first: bytes, *, limit: int) -> None:
        self._request = request
        self._first: bytes | None = first
        self._has_more = len(first) > limit

    async def part(self) -> tuple[bytes, bool]:
        """Return the next bytes and whether more follow. Raise ClientGone if it ends early."""
        first, self._first = self._first, None
        if first is not None:
            return first, self._has_more
        try:
            part = await asyncio.to_thread(self._request.read, PIECE_BYTES)
        except OSError as error:
            raise ClientGone from error
        return part, bool(part)

    async def gone(self) -> None:
        """Return never: Django itself ends an answer whose client goes."""
        await asyncio.Event().wait()


def _django_response(request: HttpRequest, response: NeutralResponse) -> HttpResponseBase:
    if response.stream is None:
        return HttpResponse(response.body, status=response.status)
    chunks = _chunks if isinstance(request, ASGIRequest) else _blocking_chunks
    return StreamingHttpResponse(chunks(response.stream), status=response.status)


async def _chunks(stream: ByteStream) -> AsyncIterator[bytes]:
    try:
        while (chunk := await run_async(stream.next())) is not None:
            yield chunk
    finally:
        _close(stream)


def _blocking_chunks(stream: ByteStream) -> Iterator[bytes]:
    """Wait for each chunk in the thread of the request."""
    try:
        while (chunk := run_sync(stream.next(), timeout_s=MAX_SILENCE_S)) is not None:
            yield chunk
    finally:
        _close(stream)


def _close(stream: ByteStream) -> None:
    loop = get_engine().loop
    if loop is not None:
        loop.call_soon_threadsafe(stream.close)


def _neutral(request: HttpRequest, trigger_path: str) -> neutral.HttpRequest:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in request.headers.items()
    ]
    return neutral.HttpRequest(
        method=request.method or "GET",
        # Django has decoded the path; an encoded slash cannot be told from a plain one here.
        raw_path=quote(trigger_path, safe="/:@!$&'()*+,;=~-._").encode(),
        query_string=request.META.get("QUERY_STRING", "").encode("latin-1", "replace"),
        headers=headers,
        client=request.META.get("REMOTE_ADDR", ""),
    )
