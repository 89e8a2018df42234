"""``manage.py runengine``: the site, its doors, a Celery worker and beat in one process."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from iii_triggers.asgi import Application, Door, TriggerDispatcher
from iii_triggers.consumption.embedded import EmbeddedCelery
from iii_triggers.engine.access.listeners import listeners as worker_listeners
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.servers.plan import Listener, ServerPlan
from iii_triggers.servers.stuck import end_quickly, leave_stuck_threads


def port_number(text: str) -> int:
    """Convert an argument to a port; 0 means "closed"."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ArgumentTypeError(f"invalid port number: {text!r}")
    return int(text)


class Command(BaseCommand):
    """Run the engine in one process."""

    help = (
        "Serves the site, HTTP triggers, worker sockets and stream clients on a port each, and "
        "runs a Celery worker and beat, in one process. Port 0 closes a door. Stops cleanly on "
        "SIGTERM and SIGINT."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=port_number, default=8000, help="the site")
        parser.add_argument("--http-port", type=port_number, default=3111, help="HTTP triggers")
        parser.add_argument("--worker-port", type=port_number, default=49134, help="workers")
        parser.add_argument(
            "--stream-port",
            type=port_number,
            default=3112,
            help="stream clients",
        )
        parser.add_argument(
            "--server",
            choices=["auto", "uvicorn", "daphne"],
            default="auto",
            help="ASGI server; auto is uvicorn when it is installed",
        )
        parser.add_argument(
            "--no-consumer",
            dest="consumes",
            action="store_false",
            help="run no Celery worker: others do",
        )
        parser.add_argument(
            "--no-beat", dest="beats", action="store_false", help="run no beat: others do"
        )

    def handle(self, **options: Any) -> None:
        """Serve until a signal."""
        _require_migrations()
        listeners = _listeners(options)
        if not listeners:
            raise CommandError("Every port is 0: there is nothing to serve.")
        doors: dict[int, Door] = {
            options["http_port"]: "http",
            options["worker_port"]: "worker",
            options["stream_port"]: "stream",
        }
        doors.pop(0, None)
        plan = ServerPlan(
            application=TriggerDispatcher(_site_application(), doors=doors),
            host=options["host"],
            listeners=listeners,
            announce=self._say,
            celery=EmbeddedCelery(consumes=options["consumes"], beats=options["beats"]),
        )
        process_engine.replace(Engine(kind=Node.Kind.ENGINE))
        serve = import_string(f"iii_triggers.servers.{_server(options['server'])}_server.serve")
        try:
            serve(plan)
        except OSError as error:
            raise CommandError(f"Cannot listen. {error.strerror}") from error
        leave_stuck_threads()
        end_quickly()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _listeners(options: dict[str, Any]) -> list[Listener]:
    doors = [
        Listener(label="site", scheme="http", port=options["port"]),
        Listener(label="HTTP triggers", scheme="http", port=options["http_port"]),
        Listener(label="worker sockets", scheme="ws", port=options["worker_port"]),
        Listener(label="stream clients", scheme="ws", port=options["stream_port"]),
        *(
            Listener(label=item.label, scheme="ws", port=item.port, host=item.host)
            for item in worker_listeners.all()
            if item.port is not None
        ),
    ]
    listeners = [door for door in doors if door.port]
    if len({door.port for door in listeners}) != len(listeners):
        raise CommandError("Two doors have the same port.")
    return listeners


def _require_migrations() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "iii_triggers"]
    if executor.migration_plan(targets):
        raise CommandError("The database is not up to date: run `manage.py migrate` first.")


def _server(choice: str) -> str:
    if choice != "auto":
        if choice == "uvicorn" and find_spec("uvicorn") is None:
            raise CommandError("uvicorn is not installed: pip install 'iii-triggers[uvicorn]'.")
        return choice
    return "uvicorn" if find_spec("uvicorn") is not None else "daphne"


def _site_application() -> Application:
    """Return the site's ASGI application, with its static files in development."""
    path = getattr(settings, "ASGI_APPLICATION", None)
    application = import_string(path) if path else get_asgi_application()
    has_static = "django.contrib.staticfiles" in settings.INSTALLED_APPS
    if settings.DEBUG and has_static:
        application = ASGIStaticFilesHandler(application)
    served: Application = application
    return served
