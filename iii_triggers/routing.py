"""WebSocket routes for sites that have a Channels router of their own."""

from __future__ import annotations

from django.urls import re_path

from .consumers import ChannelConsumer, StreamConsumer, TelemetryConsumer, WorkerConsumer

websocket_urlpatterns = [
    re_path(r"^iii/worker/?$", WorkerConsumer.as_asgi()),
    re_path(r"^iii/stream/?$", StreamConsumer.as_asgi()),
    re_path(r"^iii/worker/otel$", TelemetryConsumer.as_asgi()),
    re_path(r"^iii/worker/ws/channels/[^/]+$", ChannelConsumer.as_asgi()),
    re_path(r"^iii/worker/(?P<listener>[\w-]+)/?$", WorkerConsumer.as_asgi()),
    re_path(r"^iii/worker/(?P<listener>[\w-]+)/otel$", TelemetryConsumer.as_asgi()),
    re_path(r"^iii/worker/(?P<listener>[\w-]+)/ws/channels/[^/]+$", ChannelConsumer.as_asgi()),
]
