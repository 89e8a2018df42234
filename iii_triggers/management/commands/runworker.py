"""``manage.py runworker``: host the site's functions as a worker process.

With channel names it is the command of the same name that Channels ships.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction
from channels import DEFAULT_CHANNEL_LAYER
from channels.management.commands.runworker import Command as ChannelsCommand
from django.core.management.base import CommandError

from iii_triggers.engine.declarations import site_functions
from iii_triggers.engine.functions import LocalFunction
from iii_triggers.engine.process import process_engine
from iii_triggers.engine.threads import with_fresh_connections
from iii_triggers.protocol.errors import InvalidArguments
from iii_triggers.sdk import AsyncClient
from iii_triggers.servers.signals import STOP_SIGNALS, die_at_next_signal
from iii_triggers.servers.stuck import end_quickly, leave_stuck_threads


class Command(ChannelsCommand):  # type: ignore[misc]  # Channels has no types
    """Run the site's functions in a process of their own."""

    help = (
        "Connects to the engine and runs the site's functions for it; SIGTERM lets running ones "
        "finish. With channel names: Channels' own runworker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("channels", nargs="*", help="channels to listen on (Channels)")
        parser.add_argument("--layer", default=DEFAULT_CHANNEL_LAYER, help="layer (Channels)")
        parser.add_argument(
            "--url", help="worker socket of the engine; default III_URL, then ws://127.0.0.1:49134"
        )
        parser.add_argument("--name", help="name of this worker; default host:pid")
        parser.add_argument(
            "--concurrency", type=int, default=16, help="functions that run at the same time"
        )
        parser.add_argument(
            "--grace", type=float, default=30.0, help="seconds that running functions get to finish"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal."""
        if options["channels"]:
            super().handle(*args, **options)
            return
        site_functions.discover()
        functions = [f for f in site_functions.functions() if self._is_offered(f)]
        if not functions:
            raise CommandError("No app of this site declares a function in its functions.py.")
        try:
            client = AsyncClient(
                options["url"], name=options["name"], concurrency=options["concurrency"]
            )
        except InvalidArguments as error:
            raise CommandError(error.message) from error
        asyncio.run(self._serve(client, functions, grace_s=options["grace"]))
        leave_stuck_threads()
        end_quickly()

    async def _serve(
        self, client: AsyncClient, functions: list[LocalFunction], *, grace_s: float
    ) -> None:
        for function in functions:
            _register(client, function)
        process_engine.call_through(client)
        stop = asyncio.Event()
        _stop_on_signal(stop)
        await client.connect()
        self._say(f"{len(functions)} functions: {', '.join(f.info.function_id for f in functions)}")
        self._say("ready" if client.is_connected else "waiting for the engine")
        await stop.wait()
        self._say("draining")
        await client.shutdown(grace_s=grace_s)

    def _is_offered(self, function: LocalFunction) -> bool:
        """Leave out functions of other namespaces: a worker of this command has the default one."""
        info = function.info
        if info.namespace == "default":
            return True
        self.stderr.write(f"{info.function_id} is left out: it is in namespace {info.namespace}.")
        return False

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _stop_on_signal(stop: asyncio.Event) -> None:
    """Set ``stop`` on SIGINT or SIGTERM; a second signal ends the process at once."""
    loop = asyncio.get_running_loop()

    def begin() -> None:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        die_at_next_signal()
        stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, begin)


def _register(client: AsyncClient, function: LocalFunction) -> None:
    info, handler = function.info, function.handler
    client.register_function(
        info.function_id,
        handler if iscoroutinefunction(handler) else partial(with_fresh_connections, handler),
        description=info.description,
        request_format=info.request_format,
        response_format=info.response_format,
        metadata=info.metadata,
    )
