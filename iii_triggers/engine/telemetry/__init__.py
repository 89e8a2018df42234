"""What workers tell of themselves: logs are kept, all of it is passed on (section 1.7)."""

from .intake import Telemetry

__all__ = ["Telemetry"]
