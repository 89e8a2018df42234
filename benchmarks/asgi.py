"""The measured site's ASGI application: Django, and beside it the least a server can do."""

from __future__ import annotations

from typing import Any

from django.core.asgi import get_asgi_application

FLOOR_PATH = "/floor"
BODY = b'{"message":"Hello, Ada!"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]

django_application = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer ``/floor`` at once and leave the rest to Django."""
    if scope["path"] != FLOOR_PATH:
        await django_application(scope, receive, send)
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
