"""Errors as problem documents (RFC 9457): what every request that fails is answered with."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from iii_triggers.operations.deliveries import WrongState
from iii_triggers.operations.inputs import NotReplayable
from iii_triggers.operations.triggers import ReadOnlyTrigger, TriggerExists
from iii_triggers.protocol import errors
from iii_triggers.protocol.errors import IiiError, InvalidConfig

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[IiiError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.FunctionNotFound: HTTPStatus.NOT_FOUND,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.InvalidArguments: HTTPStatus.BAD_REQUEST,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.InvalidNamespace: HTTPStatus.BAD_REQUEST,
    errors.LimitExceeded: HTTPStatus.BAD_REQUEST,
    errors.MalformedFrame: HTTPStatus.BAD_REQUEST,
    errors.PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TriggerConflict: HTTPStatus.CONFLICT,
    errors.TriggerRejected: HTTPStatus.BAD_REQUEST,
    NotReplayable: HTTPStatus.CONFLICT,
    ReadOnlyTrigger: HTTPStatus.CONFLICT,
    WrongState: HTTPStatus.CONFLICT,
    errors.EngineNotRunning: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InvocationStopped: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InvocationTimeout: HTTPStatus.GATEWAY_TIMEOUT,
}
"""How errors of the engine look from outside; a subclass is like its nearest parent."""

FIELDS: dict[type[IiiError], str] = {
    errors.TriggerConflict: "/config",
    TriggerExists: "/trigger_id",
}
"""What of a body some errors are always about."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one part of a request."""

    message: str
    field: str = ""
    """JSON pointer (RFC 6901) into the body: ``/config/api_path``; "" is the whole."""

    parameter: str = ""
    """Name of a parameter of the query, if it is not about the body."""

    def document(self) -> dict[str, str]:
        """Return it as it is sent."""
        place = {"parameter": self.parameter} if self.parameter else {"field": self.field}
        return {**place, "message": self.message}


class Problem(exceptions.APIException):
    """An error that is answered with a status and a code of its own."""

    def __init__(
        self, detail: str, *, code: str, status: HTTPStatus, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.errors = tuple(errors)


def bad_request(detail: str, *, code: str, errors: Sequence[FieldError] = ()) -> Problem:
    """Return a problem with status 400."""
    return Problem(detail, code=code, status=HTTPStatus.BAD_REQUEST, errors=errors)


def bad_parameter(name: str, message: str) -> Problem:
    """Return the problem of a parameter of the query that nobody knows or can read."""
    errors = [FieldError(parameter=name, message=message)]
    return bad_request(f"{name}: {message}", code="invalid_parameter", errors=errors)


def bad_field(field: str, message: str, *, code: str = "invalid") -> Problem:
    """Return the problem of one place (a JSON pointer) of the body."""
    return bad_request(message, code=code, errors=[FieldError(field=field, message=message)])


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """Answer an exception that a view raised; one that nobody foresaw is logged and is a 500."""
    problem = _problem(error)
    if problem is None:
        problem = _unforeseen(error, context)
    set_rollback()
    response = Response(document(problem), status=problem.status_code)
    for name, value in _headers(problem):
        response[name] = value
    return response


def document(problem: exceptions.APIException) -> dict[str, Any]:
    """Return ``problem`` as it is sent."""
    if isinstance(problem, exceptions.ValidationError):
        code, found = "invalid", tuple(field_errors(problem.detail))
        detail = "; ".join(dict.fromkeys(_sentence(error) for error in found))
    else:
        code = getattr(problem, "code", problem.default_code)
        detail, found = str(problem.detail), getattr(problem, "errors", ())
    return {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": int(problem.status_code),
        "detail": detail,
        "code": code,
        "errors": [error.document() for error in found],
    }


def field_errors(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """Flatten what a serializer found, whatever it is nested in."""
    if isinstance(detail, dict):
        for key, inside in detail.items():
            is_whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from field_errors(inside, pointer if is_whole else f"{pointer}/{escaped(key)}")
    elif isinstance(detail, list):
        for index, inside in enumerate(detail):
            is_leaf = not isinstance(inside, (dict, list))
            yield from field_errors(inside, pointer if is_leaf else f"{pointer}/{index}")
    else:
        yield FieldError(field=pointer, message=str(detail))


def escaped(key: Any) -> str:
    """Return a key as part of a JSON pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def of_engine(error: IiiError, *, field: str = "") -> Problem:
    """Return an error of the engine; ``field`` points at what the error is about."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    found = []
    if isinstance(error, InvalidConfig):
        pointer = f"/config/{escaped(error.field)}" if error.field else "/config"
        found = [FieldError(field=pointer, message=error.message)]
    elif field or type(error) in FIELDS:
        found = [FieldError(field=field or FIELDS[type(error)], message=error.message)]
    return Problem(
        error.message,
        code=error.code,
        status=status or HTTPStatus.INTERNAL_SERVER_ERROR,
        errors=found,
    )


def _problem(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, IiiError):
        return of_engine(error)
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, (SuspiciousOperation, UnreadablePostError)):
        return bad_request("The request cannot be read.", code="bad_request")
    return None


def _unforeseen(error: Exception, context: dict[str, Any]) -> Problem:
    request = context["request"]
    got_request_exception.send(sender=type(context["view"]), request=request._request)
    logger.error("Internal Server Error: %s", request.path, exc_info=error)
    return Problem(
        "The server failed; its log tells why.",
        code="internal_error",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _headers(problem: exceptions.APIException) -> Iterable[tuple[str, str]]:
    if auth_header := getattr(problem, "auth_header", None):
        yield "WWW-Authenticate", auth_header
    if isinstance(problem, exceptions.Throttled):
        wait_s: float = getattr(problem, "wait", None) or 1
        yield "Retry-After", str(math.ceil(wait_s))


def _sentence(error: FieldError) -> str:
    return f"{error.field.lstrip('/')}: {error.message}" if error.field else error.message
