"""Options of a client: defaults from the environment, headers, and bad values."""

from __future__ import annotations

import os
import socket

import pytest

from iii_triggers.protocol.errors import InvalidArguments
from iii_triggers.sdk import AsyncClient
from iii_triggers.sdk.settings import Settings, default_url

from .stub import FAST, StubEngine, with_engine

URL = "ws://127.0.0.1:49134"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("III_URL", "III_TOKEN", "III_WORKER_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_the_address_defaults_to_the_environment_then_to_this_host(monkeypatch):
    assert default_url() == URL
    monkeypatch.setenv("III_URL", "ws://engine:1")
    assert default_url() == "ws://engine:1"


def test_the_token_defaults_to_the_environment(monkeypatch):
    assert Settings(url=URL).upgrade_headers() == {}
    monkeypatch.setenv("III_TOKEN", "env")
    assert Settings(url=URL).upgrade_headers() == {"Authorization": "Bearer env"}
    assert Settings(url=URL, token="own").upgrade_headers() == {"Authorization": "Bearer own"}


def test_an_explicit_authorization_header_wins_over_the_token():
    settings = Settings(url=URL, token="t", headers={"authorization": "Basic x", "X-A": "1"})
    assert settings.upgrade_headers() == {"authorization": "Basic x", "X-A": "1"}


def test_secrets_are_not_shown():
    assert "s3cret" not in repr(Settings(url=URL, token="s3cret", headers={"X": "s3cret"}))


def test_the_name_defaults_to_the_environment_then_to_host_and_pid(monkeypatch):
    assert Settings(url=URL).identity()["name"] == f"{socket.gethostname()}:{os.getpid()}"
    monkeypatch.setenv("III_WORKER_NAME", "env")
    assert Settings(url=URL).identity()["name"] == "env"
    assert Settings(url=URL, name="own").identity()["name"] == "own"


def test_what_is_not_given_is_not_told():
    assert "description" not in Settings(url=URL).identity()
    assert Settings(url=URL, description="x").identity()["description"] == "x"


@pytest.mark.parametrize("url", ["http://127.0.0.1", "ws://", "127.0.0.1:49134"])
def test_an_address_that_is_no_websocket_address_is_refused(url):
    with pytest.raises(InvalidArguments, match="WebSocket"):
        AsyncClient(url)


def test_a_concurrency_below_one_is_refused():
    with pytest.raises(InvalidArguments, match="concurrency"):
        AsyncClient(URL, concurrency=0)


@with_engine
async def test_the_headers_reach_the_engine(engine: StubEngine):
    async with AsyncClient(engine.url, token="abc", headers={"X-Team": "web"}, **FAST):
        headers = (await engine.peer()).socket.request.headers
    assert headers["Authorization"] == "Bearer abc"
    assert headers["X-Team"] == "web"
