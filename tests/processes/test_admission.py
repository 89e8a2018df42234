"""Workers from another host: refused without a token, taken with one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from .sites import Site, wait_ready
from .sockets import BareWorker

pytestmark = pytest.mark.slow

UNAUTHORIZED = 4401
RESTARTING = 1012
ELSEWHERE = ("203.0.113.1", 9)


@pytest.fixture(scope="module")
def address() -> str:
    """This machine's address in its network; who connects to it comes from it, not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            pytest.skip("this machine has no address but loopback")
        found: str = probe.getsockname()[0]
        return found


@pytest.fixture(scope="module")
def urls(site: Site, address: str) -> Iterator[list[str]]:
    """Both worker sockets of an engine that listens on every address, as seen from outside."""
    process = site.runengine(*site.ports(), host="0.0.0.0")
    wait_ready(process)
    yield [f"ws://{address}:{site.worker_port}", f"ws://{address}:{site.site_port}/iii/worker"]
    process.kill()


def issue_token(site: Site, then: str = "") -> str:
    """Issue a worker token in another process and return it."""
    return site.shell(
        "from iii_triggers.models import WorkerToken\n"
        f"row, token = WorkerToken.objects.issue('test')\n{then}\nprint(token)"
    ).strip()


def assert_refused(url: str, token: str | None = None) -> None:
    with BareWorker(url, token=token) as worker:
        assert worker.greeting["type"] == "error"
        assert worker.close_code() == UNAUTHORIZED


def test_a_worker_without_a_token_is_refused(site: Site, urls: list[str]) -> None:
    for url in urls:
        assert_refused(url)
    assert site.count("worker") == 0


def test_a_worker_with_a_wrong_token_is_refused(site: Site, urls: list[str]) -> None:
    for url in urls:
        assert_refused(url, token="iii_wrong")


def test_a_worker_with_a_revoked_token_is_refused(site: Site, urls: list[str]) -> None:
    revoke = "from django.utils import timezone\nrow.revoked_at = timezone.now(); row.save()"
    assert_refused(urls[0], token=issue_token(site, revoke))


def test_a_worker_with_a_token_gets_in(site: Site, urls: list[str], address: str) -> None:
    token = issue_token(site)
    for url in urls:
        with BareWorker(url, token=token) as worker:
            assert worker.greeting["type"] == "workerregistered"
            worker.offer("remote", api_path="remote", http_method="GET")


@pytest.mark.parametrize(
    ("change", "code"),
    [("row.revoked_at = timezone.now()", UNAUTHORIZED), ("row.restrict_calls = True", RESTARTING)],
)
def test_a_token_that_another_process_changes_ends_its_connections(
    site: Site, urls: list[str], change: str, code: int
) -> None:
    token = issue_token(site)
    with BareWorker(urls[0], token=token) as worker:
        assert worker.greeting["type"] == "workerregistered"
        site.shell(
            "from django.utils import timezone\n"
            "from iii_triggers.models import WorkerToken\n"
            f"row = WorkerToken.objects.latest('pk')\n{change}\nrow.save()"
        )
        assert worker.close_code() == code


def test_a_worker_on_this_machine_needs_no_token(site: Site, urls: list[str]) -> None:
    with BareWorker(site.worker_url) as worker:
        assert worker.greeting["type"] == "workerregistered"
