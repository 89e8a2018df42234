"""The door to the metrics, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from importlib.util import find_spec

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from .engine.access.peers import is_local
from .engine.process import get_engine
from .operations.metrics.access import AnyUser, check_access
from .protocol.errors import AuthenticationFailed, Forbidden, IiiError

STATUSES: Mapping[type[IiiError], HTTPStatus] = {
    AuthenticationFailed: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
}


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the metrics of this process: 401 or 403 to who may not read them.

    501 without the package that writes them.
    """
    try:
        await _check(request)
    except (AuthenticationFailed, Forbidden) as error:
        return _refusal(STATUSES[type(error)], error.code, error.message)
    if not find_spec("prometheus_client"):
        hint = "The metrics need prometheus_client: pip install 'iii-triggers[metrics]'."
        return _refusal(HTTPStatus.NOT_IMPLEMENTED, "NOT_INSTALLED", hint)
    from .operations.metrics.collector import page

    text, content_type = await page(request.headers.get("Accept", ""))
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(text, content_type=content_type, headers=headers)


async def _check(request: HttpRequest) -> None:
    async def user() -> AnyUser:
        # There is none where the site has no middleware that knows users.
        return await request.auser() if hasattr(request, "auser") else AnonymousUser()

    names = {name.lower() for name in request.headers}
    await check_access(
        authorization=request.headers.get("Authorization", ""),
        is_local=is_local(request.META.get("REMOTE_ADDR", ""), names),
        user=user,
    )


def _refusal(status: HTTPStatus, code: str, message: str) -> JsonResponse:
    error_id = get_engine().invoker.new_id()
    body = {"error": {"code": code, "message": message, "error_id": error_id}}
    answer = JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer
