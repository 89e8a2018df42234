"""``manage.py iii_fire``: fire a trigger or call a function, and print what comes back.

Functions that this process can reach run from here: those of the site in this very process, those
of workers through the channel layer. For others it asks a running engine over its worker socket,
as any worker may; without a channel layer that is the only way to them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext

from iii_triggers.conf import settings
from iii_triggers.delivery.create import check_size
from iii_triggers.engine.calls import Call
from iii_triggers.engine.firing import call_by_hand
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.process import START_TIMEOUT_S, get_engine, run_sync
from iii_triggers.management.users import user_named
from iii_triggers.models import Trigger
from iii_triggers.operations.audit import log_action
from iii_triggers.operations.firing import sample_payload, timeout_s
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError, MalformedFrame
from iii_triggers.protocol.json_values import json_error
from iii_triggers.protocol.text import storable
from iii_triggers.sdk import AsyncClient
from iii_triggers.sdk.settings import default_url

FIRE_FUNCTION = "engine::fire_trigger"
MARGIN_S = 5.0


def seconds(text: str) -> float:
    """Convert an argument to a time."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= 86_400:
        raise ArgumentTypeError(f"invalid number of seconds: {text!r}")
    return number


class Command(BaseCommand):
    """Fire a trigger, wait for its function, and print the result."""

    help = (
        "Fires a trigger, whatever its state, or calls a function (--function), waits, and prints "
        "the result as JSON. Exit code 1 with the error on standard error if it fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("trigger_id", nargs="?", metavar="TRIGGER_ID", help="which trigger")
        what.add_argument("--function", metavar="ID", help="call this function instead")
        parser.add_argument("--namespace", default="default", help="where the two are")
        parser.add_argument(
            "--data",
            metavar="JSON",
            help="the input: JSON, @FILE, or - for standard input; without it a trigger gets what "
            "its type usually hands over, and a function null",
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="S",
            help="seconds to wait; without it those of the trigger, or of the site",
        )
        parser.add_argument(
            "--url",
            help="have the engine at this worker socket run it (default: only what cannot run "
            "from here, at III_URL or ws://127.0.0.1:49134)",
        )

        parser.add_argument(
            "--user", metavar="NAME", help="who fires the trigger, for the log of the admin"
        )

    def handle(self, **options: Any) -> None:
        """Do it."""
        options["user"] = user_named(options["user"])
        try:
            given = None if options["data"] is None else _read(options["data"])
            if options["url"] is None:
                # The first engine on a new database writes the triggers that code declares.
                run_sync(_look_around(), timeout_s=START_TIMEOUT_S)
            if options["function"] is not None:
                result = _call_function(options, given)
            else:
                result = _fire(_find(options["namespace"], options["trigger_id"]), options, given)
        except IiiError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        self.stdout.write(json.dumps(result, indent=2, ensure_ascii=False))


def _fire(trigger: Trigger, options: dict[str, Any], given: Payload | None) -> Any:
    if options["user"] is not None:
        log_action(options["user"], trigger, gettext("Fired from the command line."))
    data = given or Payload.of_json(sample_payload(trigger, from_history=False).encode())
    limit_s = options["timeout"] or timeout_s(trigger) or _default_s()
    call = call_by_hand(trigger, data, timeout_s=limit_s)
    asked = {
        "trigger_id": trigger.trigger_id,
        "namespace": trigger.namespace,
        "payload": data.value(),
    }
    there = Call(function_id=FIRE_FUNCTION, data=Payload.of(asked), timeout_s=limit_s)
    return _run(call, there, url=options["url"], limit_s=limit_s)


def _call_function(options: dict[str, Any], given: Payload | None) -> Any:
    limit_s = options["timeout"] or _default_s()
    call = Call(
        function_id=options["function"],
        namespace=options["namespace"],
        data=given or Payload.of(None),
        timeout_s=limit_s,
    )
    return _run(call, call, url=options["url"], limit_s=limit_s)


def _run(here: Call, there: Call, *, url: str | None, limit_s: float) -> Any:
    """Run ``here`` from this process if it can be, else have an engine run ``there``."""
    if url is None and run_sync(_is_reachable(here), timeout_s=START_TIMEOUT_S):
        return run_sync(_invoke(here), timeout_s=limit_s + MARGIN_S)
    return asyncio.run(_ask(there, url or default_url(), limit_s=limit_s))


async def _look_around() -> None:
    await get_engine().refresh()


async def _is_reachable(call: Call) -> bool:
    return get_engine().functions.find(call.namespace, call.function_id) is not None


async def _invoke(call: Call) -> Any:
    # A function of the site may return anything.
    return from_json((await get_engine().invoke_fresh(call)).json())


async def _ask(call: Call, url: str, *, limit_s: float) -> Any:
    client = AsyncClient(url, name="iii_fire", reconnect_initial_s=limit_s)
    try:
        await client.connect()
        if not client.is_connected:
            raise CommandError(
                f"No process that can be reached from here has the function, and no engine takes "
                f"workers at {url}. Start one, or name its worker socket with --url."
            )
        return await client.call(
            call.function_id, call.data.value(), timeout_s=limit_s, namespace=call.namespace
        )
    finally:
        await client.shutdown(grace_s=0)


def _find(namespace: str, trigger_id: str) -> Trigger:
    rows = Trigger.objects.filter(trigger_id=storable(trigger_id))
    found = rows.filter(namespace=storable(namespace)).first()
    if found is not None:
        return found
    others = ", ".join(rows.order_by("namespace").values_list("namespace", flat=True)[:10])
    hint = f" There is one in: {others} (--namespace)." if others else ""
    raise CommandError(f"There is no trigger {trigger_id!r} in namespace {namespace!r}.{hint}")


def _read(argument: str) -> Payload:
    """Return what ``--data`` says."""
    text = _text(argument)
    try:
        from_json(text)
    except MalformedFrame as error:
        reason = json_error(text) or error.message
        raise CommandError(f"--data is not valid JSON: {reason}") from error
    data = text.encode() or b"null"
    check_size(data)
    return Payload.of_json(data)


def _text(argument: str) -> str:
    try:
        if argument == "-":
            return sys.stdin.read().strip()
        if argument.startswith("@"):
            return Path(argument[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise CommandError(f"--data cannot be read: {error}") from error
    return argument


def _default_s() -> float:
    return settings.III_DEFAULT_TIMEOUT_MS / 1000
