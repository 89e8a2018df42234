"""Who may open a worker socket (design, section 9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.consumers import WorkerConsumer
from iii_triggers.engine.core import Engine
from iii_triggers.models import WorkerToken
from tests.support.asgi import Headers, Socket

ELSEWHERE = "192.0.2.7"


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


async def issue(engine: Engine, **values: Any) -> str:
    def write() -> str:
        row, token = WorkerToken.objects.issue("test")
        WorkerToken.objects.filter(pk=row.pk).update(**values) if values else None
        return token

    return await engine.database.run(write)


async def is_admitted(**options: Any) -> bool:
    async with Socket(WorkerConsumer(), **options) as socket:
        frame = await socket.greeting()
        if frame["type"] == "workerregistered":
            return True
        assert frame["type"] == "error"
        assert frame["error"]["code"] == "AUTH_ERROR"
        assert frame["error"]["message"]
        assert await socket.close_code() == 4401
        return False


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_a_worker_on_this_machine_needs_no_token(engine: Engine, client: str) -> None:
    assert await is_admitted(client=client)


@pytest.mark.parametrize("client", [ELSEWHERE, "::ffff:192.0.2.7", "fe80::1", "localhost", None])
async def test_a_worker_from_elsewhere_needs_one(engine: Engine, client: str | None) -> None:
    assert not await is_admitted(client=client)
    assert engine.connections == {}


async def test_a_site_may_ask_everybody_for_a_token(engine: Engine) -> None:
    with override_settings(III_ALLOW_LOOPBACK_WORKERS=False):
        assert not await is_admitted()
        assert await is_admitted(headers=bearer(await issue(engine)))


async def test_a_token_opens_the_door_from_anywhere_and_its_use_is_noted(engine: Engine) -> None:
    token = await issue(engine)
    headers = [*bearer(token), (b"origin", b"https://evil.example"), (b"x-forwarded-for", b"1")]
    assert await is_admitted(client=ELSEWHERE, headers=headers)
    row = await engine.database.run(WorkerToken.objects.get)
    assert row.last_used_at is not None
    assert token not in repr(vars(row))


async def test_a_wrong_token_closes_it_even_on_this_machine(engine: Engine) -> None:
    token = await issue(engine)
    assert not await is_admitted(headers=bearer(token + "x"))
    assert not await is_admitted(headers=bearer("nonsense \xe9"))


@pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
async def test_a_revoked_or_expired_token_is_no_token(engine: Engine, field: str) -> None:
    token = await issue(engine, **{field: timezone.now() - timedelta(seconds=1)})
    assert not await is_admitted(headers=bearer(token))


async def test_a_token_that_expires_later_is_good(engine: Engine) -> None:
    token = await issue(engine, expires_at=timezone.now() + timedelta(hours=1))
    assert await is_admitted(client=ELSEWHERE, headers=bearer(token))


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
async def test_a_proxy_on_this_machine_does_not_speak_for_its_peers(
    engine: Engine, header: str
) -> None:
    assert not await is_admitted(headers=[(header.lower().encode(), b"127.0.0.1")])


async def test_a_web_page_may_not_open_a_socket_unless_its_origin_is_allowed(
    engine: Engine,
) -> None:
    headers = [(b"origin", b"https://app.example")]
    assert not await is_admitted(headers=headers)
    with override_settings(III_ALLOWED_ORIGINS=["https://app.example"]):
        assert await is_admitted(headers=headers)
        assert not await is_admitted(headers=[(b"origin", b"https://app.example.evil")])


async def test_other_kinds_of_authorization_are_no_token(engine: Engine) -> None:
    headers = [(b"authorization", b"Basic dTpw")]
    assert await is_admitted(headers=headers)
    assert not await is_admitted(headers=headers, client=ELSEWHERE)
