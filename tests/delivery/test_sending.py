"""The sender: never in the way, whatever the broker does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from iii_triggers.delivery import sending
from iii_triggers.delivery.broker import Message
from iii_triggers.delivery.sending import Sender
from tests.e2e.environments import REPOSITORY

DEADLINE_S = 5.0
AT_ONCE_S = 0.1


class FakeBroker:
    """Notes what it is sent; refuses or hangs while a test says so."""

    sent: list[Message]
    opened: int
    is_away: bool
    stale: bool
    hangs: threading.Event | None
    entered: threading.Event

    def __init__(self) -> None:
        self.is_open = False

    def open(self) -> None:
        if FakeBroker.is_away:
            raise ConnectionRefusedError("nobody there")
        FakeBroker.opened += 1
        self.is_open = True

    def send(self, messages: Sequence[Message]) -> None:
        FakeBroker.entered.set()
        if FakeBroker.hangs is not None:
            FakeBroker.hangs.wait(DEADLINE_S)
        if FakeBroker.stale:
            FakeBroker.stale = False
            raise ConnectionResetError("stale")
        if not self.is_open:
            self.open()
        if FakeBroker.is_away:
            raise ConnectionResetError("gone")
        FakeBroker.sent += messages

    def close(self) -> None:
        self.is_open = False


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> type[FakeBroker]:
    """A broker that is there, and reached."""
    FakeBroker.sent, FakeBroker.opened = [], 0
    FakeBroker.is_away, FakeBroker.stale, FakeBroker.hangs = False, False, None
    FakeBroker.entered = threading.Event()
    monkeypatch.setattr(sending, "Broker", FakeBroker)
    monkeypatch.setattr(sending, "reaches_workers", lambda: True)
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.01)
    return FakeBroker


@pytest.fixture
def sender() -> Iterator[Sender]:
    """A sender of its own."""
    sender = Sender()
    yield sender
    FakeBroker.is_away = False
    sender.close()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        pause.wait(0.005)


def test_messages_are_sent_in_order(sender: Sender) -> None:
    messages = [(f"q{number % 3}", str(number)) for number in range(2000)]
    for message in messages:
        sender.send(*message)
    assert sender.flush(DEADLINE_S)
    assert FakeBroker.sent == messages
    assert FakeBroker.opened == 1


def test_many_threads_share_one_connection(sender: Sender) -> None:
    threads = [
        threading.Thread(target=lambda: [sender.send("q", "1") for _ in range(100)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.flush(DEADLINE_S)
    assert (len(FakeBroker.sent), FakeBroker.opened) == (800, 1)


def test_who_publishes_waits_for_nothing(sender: Sender, broker: type[FakeBroker]) -> None:
    broker.hangs = threading.Event()
    sender.send("q", "1")
    assert broker.entered.wait(DEADLINE_S)
    began = time.monotonic()
    for number in range(sending.MAX_WAITING + 10):
        sender.send("q", str(number))
    assert time.monotonic() - began < 10 * AT_ONCE_S
    assert not sender.flush(0.01)
    broker.hangs.set()
    assert sender.flush(DEADLINE_S)
    assert len(broker.sent) == sending.MAX_WAITING + 1, "more than fits was kept"


def test_a_broker_that_is_away_is_told_of_once(
    sender: Sender, broker: type[FakeBroker], caplog: pytest.LogCaptureFixture
) -> None:
    broker.is_away = True
    with caplog.at_level(logging.WARNING):
        sender.send("q", "lost")
        assert sender.flush(DEADLINE_S)
        wait_for(lambda: sender.is_away)
        for number in range(10):
            sender.send("q", f"dropped {number}")
        assert sender.flush(DEADLINE_S)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert broker.sent == []


def test_a_broker_that_comes_back_is_found(sender: Sender, broker: type[FakeBroker]) -> None:
    broker.is_away = True
    sender.send("q", "lost")
    wait_for(lambda: sender.is_away)
    broker.is_away = False
    wait_for(lambda: not sender.is_away)
    sender.send("q", "2")
    assert sender.flush(DEADLINE_S)
    assert broker.sent == [("q", "2")]


def test_a_connection_that_went_stale_costs_no_message(
    sender: Sender, broker: type[FakeBroker]
) -> None:
    sender.send("q", "1")
    assert sender.flush(DEADLINE_S)
    broker.stale = True
    sender.send("q", "2")
    assert sender.flush(DEADLINE_S)
    assert broker.sent == [("q", "1"), ("q", "2")]
    assert broker.opened == 2


def test_nothing_is_sent_where_no_worker_is_reached(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "reaches_workers", lambda: False)
    sender.send("q", "1")
    assert sender.flush(DEADLINE_S)
    assert (FakeBroker.sent, FakeBroker.opened) == ([], 0)


def test_the_thread_ends_when_idle_and_starts_again() -> None:
    sender = Sender(idle_s=0.01)
    sender.send("q", "1")
    wait_for(lambda: FakeBroker.sent == [("q", "1")] and sender._thread is None)
    sender.send("q", "2")
    wait_for(lambda: FakeBroker.sent == [("q", "1"), ("q", "2")])
    sender.close()


FORK = """
import os
from iii_triggers.delivery import sending

class Broker:
    is_open = True
    def send(self, messages):
        print(os.getpid() == parent, messages, flush=True)
    def close(self):
        pass

parent = os.getpid()
sending.Broker, sending.reaches_workers = Broker, lambda: True
sending.sender.send("q", "parent")
assert sending.sender.flush()
child = os.fork()
sending.sender.send("q", "child" if child == 0 else "parent again")
assert sending.sender.flush()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
sending.sender.send("q", "at exit")
"""


def test_each_process_sends_with_a_thread_of_its_own() -> None:
    """Run in a process without threads of a test; the last message is sent as it ends."""
    command = [sys.executable, "-c", f"import django; django.setup()\n{FORK}"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=environment, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "False [('q', 'child')]",
        "True [('q', 'at exit')]",
        "True [('q', 'parent again')]",
        "True [('q', 'parent')]",
    ]


def test_a_process_on_its_way_out_drops_messages(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sender.send("q", "1")
    assert sender.flush(0)
