"""The config of an ``http`` trigger: its JSON Schema and the value parsed from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iii_triggers.engine.conditions import condition_in
from iii_triggers.protocol.errors import InvalidConfig

from .patterns import parse_pattern
from .routes import METHODS

MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000

_HEADER_NAME = re.compile(r"[!#$%&'+\-.^_`|~0-9A-Za-z]+")

CONFIG_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "HTTP trigger",
    "description": "Serves a function at a path and method.",
    "type": "object",
    "required": ["api_path"],
    "properties": {
        "api_path": {
            "title": "Path",
            "description": "Where the function answers. A segment ':name' is a path parameter.",
            "type": "string",
            "maxLength": 2048,
            "examples": ["users", "users/:id"],
        },
        "http_method": {
            "title": "Method",
            "description": "The HTTP method it answers. GET answers HEAD as well.",
            "type": "string",
            "enum": list(METHODS),
            "default": "GET",
            "examples": ["POST"],
        },
        "condition_function_id": {
            "title": "Condition function",
            "description": "Asked first with the same input; if it returns false the answer is "
            "422 and the function does not run.",
            "type": "string",
            "examples": ["users.may_create"],
        },
        "middleware_function_ids": {
            "title": "Middleware",
            "description": "Functions that are asked first, in this order, after those of the "
            "site; each lets the request pass or answers it.",
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "examples": [["auth.check"]],
        },
        "timeout_ms": {
            "title": "Timeout (ms)",
            "description": "How long to wait for the function before answering 504.",
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_TIMEOUT_MS,
            "examples": [30000],
        },
        "max_body_bytes": {
            "title": "Largest body (bytes)",
            "description": "A request with a larger body is answered with 413.",
            "type": "integer",
            "minimum": 1,
            "examples": [1048576],
        },
        "pass_headers": {
            "title": "Headers to pass on",
            "description": "Headers that functions do not see unless they are listed here: cookie, "
            "authorization, forwarded, x-real-ip, proxy-... and x-forwarded-...",
            "type": "array",
            "items": {"type": "string", "pattern": f"^{_HEADER_NAME.pattern}$"},
            "examples": [["authorization"]],
        },
        "allow_set_cookie": {
            "title": "May set cookies",
            "description": "Let the function's answer set cookies on the site's own origin.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
        "allow_html": {
            "title": "May answer HTML",
            "description": "Let HTML, SVG and XML answers run scripts on the site's own origin; "
            "otherwise they are sandboxed.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """A parsed config; None where it says nothing and the engine's default applies.

    ``api_path`` is as given; ``http_method`` upper-case; ``pass_headers`` lower-case.
    """

    api_path: str
    http_method: str = "GET"
    condition_function_id: str | None = None
    middleware_function_ids: tuple[str, ...] = ()
    timeout_ms: int | None = None
    max_body_bytes: int | None = None
    pass_headers: frozenset[bytes] = frozenset()
    allow_set_cookie: bool = False
    allow_html: bool = False


def parse_config(config: Any) -> HttpConfig:
    """Return the config in ``config``; raise InvalidConfig naming the key at fault.

    More tolerant than ``CONFIG_SCHEMA``: methods in any case, null for "not given", the old names
    of the condition function; unknown keys are ignored.
    """
    if not isinstance(config, Mapping):
        config = {}
    return HttpConfig(
        api_path=_api_path(config),
        http_method=_http_method(config),
        condition_function_id=condition_in(config),
        middleware_function_ids=_middleware(config),
        timeout_ms=_positive(config, "timeout_ms", maximum=MAX_TIMEOUT_MS),
        max_body_bytes=_positive(config, "max_body_bytes", maximum=None),
        pass_headers=_pass_headers(config),
        allow_set_cookie=_flag(config, "allow_set_cookie"),
        allow_html=_flag(config, "allow_html"),
    )


def _api_path(config: Mapping[str, Any]) -> str:
    api_path = config.get("api_path")
    if not isinstance(api_path, str):
        raise InvalidConfig("api_path is required for http triggers", field="api_path")
    return parse_pattern(api_path).text


def _http_method(config: Mapping[str, Any]) -> str:
    method = config.get("http_method")
    if method is None:
        return "GET"
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise InvalidConfig(f"http_method must be one of {', '.join(METHODS)}", field="http_method")
    return method.upper()


def _middleware(config: Mapping[str, Any]) -> tuple[str, ...]:
    ids = config.get("middleware_function_ids")
    if ids is None:
        return ()
    if not isinstance(ids, list) or not all(isinstance(id_, str) and id_ for id_ in ids):
        raise InvalidConfig(
            "middleware_function_ids must be a list of function ids",
            field="middleware_function_ids",
        )
    return tuple(ids)


def _positive(config: Mapping[str, Any], key: str, *, maximum: int | None) -> int | None:
    number = config.get(key)
    if number is None:
        return None
    is_int = isinstance(number, int) and not isinstance(number, bool)
    if not is_int or number < 1 or (maximum is not None and number > maximum):
        limit = "" if maximum is None else f" up to {maximum}"
        raise InvalidConfig(f"{key} must be a whole number from 1{limit}", field=key)
    return int(number)


def _pass_headers(config: Mapping[str, Any]) -> frozenset[bytes]:
    names = config.get("pass_headers")
    if names is None:
        return frozenset()
    if not isinstance(names, list) or not all(map(_is_header_name, names)):
        raise InvalidConfig(
            "pass_headers must be a list of header names, without wildcards", field="pass_headers"
        )
    return frozenset(name.lower().encode() for name in names)


def _is_header_name(name: Any) -> bool:
    return isinstance(name, str) and _HEADER_NAME.fullmatch(name) is not None


def _flag(config: Mapping[str, Any], key: str) -> bool:
    flag = config.get(key)
    if flag is not None and not isinstance(flag, bool):
        raise InvalidConfig(f"{key} must be true or false", field=key)
    return bool(flag)
