"""Channels consumers: the WebSocket doors."""

from .channels import ChannelConsumer
from .stream import StreamConsumer
from .telemetry import TelemetryConsumer
from .worker import WorkerConsumer

__all__ = ["ChannelConsumer", "StreamConsumer", "TelemetryConsumer", "WorkerConsumer"]
