"""A request that somebody might send, as its function sees it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .config import HttpConfig
from .patterns import parse_pattern
from .request import HttpRequest, build_input

VALUE = "1"
"""What stands for a path parameter."""
BODY = {"name": "Ada"}
WITH_BODY = ("POST", "PUT", "PATCH")


def sample_of(config: HttpConfig) -> dict[str, Any]:
    """Return an input for the route of ``config``. Raise InvalidConfig for a bad path.

    The two channels of a request are left out: nobody reads or writes them.
    """
    pattern = parse_pattern(config.api_path)
    segments = (VALUE if segment is None else segment for segment in pattern.segments)
    has_body = config.http_method in WITH_BODY
    request = HttpRequest(
        method=config.http_method,
        raw_path="/".join(["", *(quote(segment) for segment in segments)]).encode(),
        headers=[(b"content-type", b"application/json")] if has_body else [],
    )
    return build_input(
        request,
        pattern=pattern.text,
        route_method=config.http_method,
        path_params={name: VALUE for name, _ in pattern.params},
        body=dict(BODY) if has_body else None,
    )
