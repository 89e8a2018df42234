"""gunicorn's worker class for the engine.

``gunicorn -k iii_triggers.servers.gunicorn.TriggerUvicornWorker iii_project.asgi:application``
"""

from __future__ import annotations

from uvicorn_worker import UvicornWorker

from .uvicorn_options import options


class TriggerUvicornWorker(UvicornWorker):  # type: ignore[misc]  # gunicorn has no types
    """uvicorn as ``runengine`` has it: limits and pings of the site's settings, joined writes."""

    def run(self) -> None:
        """Serve; the application is loaded by now, so there are settings to read."""
        for name, value in options().items():
            setattr(self.config, name, value)
        super().run()
