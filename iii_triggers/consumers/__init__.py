"""Channels consumers: the WebSocket doors."""

from .telemetry import TelemetryConsumer
from .worker import WorkerConsumer

__all__ = ["TelemetryConsumer", "WorkerConsumer"]
