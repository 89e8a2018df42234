"""The packages' own integration tests pass against this engine, on the ports it documents."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engines import Engine
from tests.e2e.environments import SdkUnavailable
from tests.e2e.eventually import eventually

from . import npm_tests

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]

DOCUMENTED = {"http_port": 3111, "worker_port": 49134, "stream_port": 3112}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on the ports that SDK code is written for."""
    for port in DOCUMENTED.values():
        if not _becomes_free(port):
            pytest.skip(f"port {port} is taken: the packages' own tests need it")
    engine = Engine(server="auto", folder=tmp_path_factory.mktemp("documented") / "state")
    for name, port in DOCUMENTED.items():
        setattr(engine, name, port)
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@pytest.mark.parametrize("version", npm_tests.VERSIONS)
def test_the_tests_in_the_package_pass(engine: Engine, tmp_path: Path, version: str) -> None:
    sdk = npm_tests.sdk_with_tests(version)
    try:
        outcome = npm_tests.run(
            sdk,
            worker_url="ws://localhost:49134",
            http_url="http://localhost:3111",
            folder=tmp_path,
        )
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    assert outcome.failed == [], outcome.text
    assert outcome.total == 76


def _becomes_free(port: int) -> bool:
    """Wait a while: a connection of another test may happen to have the port at its end."""
    try:
        return eventually(lambda: _is_free(port), bool)
    except AssertionError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
