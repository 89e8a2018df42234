"""Channels consumers: the WebSocket doors."""

from .channels import ChannelConsumer
from .telemetry import TelemetryConsumer
from .worker import WorkerConsumer

__all__ = ["ChannelConsumer", "TelemetryConsumer", "WorkerConsumer"]
