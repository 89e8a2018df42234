"""HTTP requests as a test needs them: to any port, with any body, in chunks if it likes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping

from tests.e2e.engines import ANSWER_S, Answer


def send(
    port: int,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> Answer:
    """Send a request; a body that is an iterable goes in chunks."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    chunked = body is not None and not isinstance(body, bytes)
    try:
        connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
        return _answer(connection.getresponse())
    finally:
        connection.close()


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    content = response.read()
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(response.status, headers, json.loads(content) if is_json else content.decode())
