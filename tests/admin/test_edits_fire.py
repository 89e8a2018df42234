"""Edits in the admin fire triggers on the engine of the process, after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import Configuration, StateItem
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

ADMIN = "/admin/iii_triggers"


async def in_a_request(act: Callable[[Client], Any]) -> None:
    """Let a superuser do something in a thread of its own, as a server would."""

    def request() -> None:
        try:
            client = Client()
            client.force_login(User.objects.create_superuser("ada", password="secret"))
            act(client)
        finally:
            connection.close()

    await asyncio.to_thread(request)


def edit(client: Client, address: str, value: str) -> None:
    form = client.get(address).context["adminform"].form
    response = client.post(address, {"value": value, "seen": form["seen"].value()})
    assert response.status_code == 302


async def test_an_edited_state_item_fires(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={"scope": "s"})
    await ainvoke("state::set", {"scope": "s", "key": "k", "value": 1})
    (first,) = await worker.transport.receive("invokefunction")
    await worker.answer(first, result=None)
    await in_a_request(
        lambda client: edit(client, f"{ADMIN}/stateitem/{StateItem.objects.get().pk}/change/", "2")
    )
    (_, second) = await worker.transport.receive("invokefunction", 2)
    assert second["data"]["event_type"] == "state:updated"
    assert (second["data"]["old_value"], second["data"]["new_value"]) == (1, 2)
    assert await ainvoke("state::get", {"scope": "s", "key": "k"}) == 2


async def test_an_edited_configuration_fires(engine: Engine, connect: Connect) -> None:
    await ainvoke("configuration::register", {"id": "mail", "initial_value": 1})
    worker = await connect("f")
    await worker.bind("t", "configuration", config={"configuration_id": "mail"})

    def act(client: Client) -> None:
        address = f"{ADMIN}/configuration/{Configuration.objects.get().pk}"
        edit(client, f"{address}/change/", "2")
        client.post(f"{address}/delete/", {"post": "yes"})

    await in_a_request(act)
    (updated,) = await worker.transport.receive("invokefunction")
    await worker.answer(updated, result=None)
    (_, deleted) = await worker.transport.receive("invokefunction", 2)
    assert (updated["data"]["old_value"], updated["data"]["new_value"]) == (1, 2)
    assert deleted["data"]["event_type"] == "configuration:deleted"
    assert (deleted["data"]["old_value"], deleted["data"]["new_value"]) == (2, None)
