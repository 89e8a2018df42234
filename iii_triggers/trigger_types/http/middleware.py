"""Functions that are asked before the one of a trigger (trigger reference, section 2.8).

Each gets ``{"phase": "preHandler", "request": {"path_params", "query_params", "headers",
"method"}, "context": {}}``; ``{"action": "respond", "response": {"status_code", "headers",
"body"}}`` is the answer, anything else lets the request pass.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from iii_triggers.engine.calls import Call
from iii_triggers.engine.invocation import Invoker
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import FunctionNotFound, InvocationFailed, InvocationTimeout

from .errors import MiddlewareTimeout
from .response import HttpResponse, from_result

logger = logging.getLogger(__name__)


async def ask_middleware(
    invoker: Invoker,
    function_ids: Iterable[str],
    request: dict[str, Any],
    *,
    namespace: str,
    timeout_s: float,
    traceparent: str | None = None,
    allow_set_cookie: bool = False,
    allow_html: bool = False,
) -> HttpResponse | None:
    """Ask functions in their order; return the answer of the first that has one.

    Raise the IiiError that one ended with, and MiddlewareTimeout; each has ``timeout_s``.
    """
    question = {"phase": "preHandler", "request": request, "context": {}}
    data = Payload.of(question).json()
    for function_id in function_ids:
        verdict = await _ask(
            invoker,
            Call(
                function_id=function_id,
                # Of the text, not the value: what one does to its input the next must not see.
                data=Payload.of_json(data),
                namespace=namespace,
                timeout_s=timeout_s,
                traceparent=traceparent,
            ),
        )
        response = _response(function_id, verdict)
        if response is not None:
            return from_result(response, allow_set_cookie=allow_set_cookie, allow_html=allow_html)
    return None


async def _ask(invoker: Invoker, call: Call) -> Any:
    try:
        return (await invoker.invoke(call)).value()
    except InvocationTimeout as error:
        raise MiddlewareTimeout() from error
    except FunctionNotFound:
        logger.error("The middleware %s is not there; the request is refused.", call.function_id)
        raise


def _response(function_id: str, verdict: Any) -> dict[str, Any] | None:
    """Return the full response of a verdict, None if the request may pass."""
    action = verdict.get("action") if isinstance(verdict, dict) else None
    if action != "respond":
        if action != "continue":
            logger.warning("The middleware %s answered with no known action.", function_id)
        return None
    response = verdict.get("response")
    if response is None:
        response = {}
    status = response.get("status_code", 200) if isinstance(response, dict) else None
    # A refusal must not become a 200 because its status is written as a string.
    if not isinstance(status, int) or isinstance(status, bool) or status < 200:
        raise InvocationFailed("The response of a middleware is not one.", code="INVALID_RESPONSE")
    return {"status_code": status, "headers": response.get("headers"), "body": response.get("body")}
