"""The verdicts of the kill test: a failure that had no right to be must be seen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.kill import http_account, news_account
from benchmarks.kill.outages import Outage, Outages
from benchmarks.kill.requests import Request
from benchmarks.kill.streams import Follower
from benchmarks.kill.strikes import REDIS
from benchmarks.kill.words import heard
from benchmarks.notes import note


def request(
    route: str, door: str, began: float, ended: float, *, n: int = 1, status: int = 500
) -> Request:
    """Return a request that was made."""
    return Request(
        n=n,
        door=door,
        route=route,
        is_fresh=False,
        began=began,
        ended=ended,
        status=status,
        detail="" if status == 200 else "x",
    )


def killed(
    name: str,
    at: float,
    back: float = math.inf,
    restored: float = math.inf,
    *,
    gone: float | None = None,
) -> Outages:
    """Return the one outage there was."""
    outages = Outages()
    outages.all.append(
        Outage(
            name=name,
            killed_at=at,
            gone_at=at if gone is None else gone,
            back_at=back,
            restored_at=restored,
        )
    )
    return outages


@pytest.mark.parametrize(
    ("made", "outages", "kind"),
    [
        (request("kill.site", "asgi 1", 9, 11), killed("asgi 1", 10, 15), "DOOR_DIED"),
        (request("kill.site", "asgi 1", 12, 13), killed("asgi 1", 10, 15), "DOOR_DOWN"),
        (request("kill.site", "asgi 1", 16, 17), killed("asgi 1", 10, 15, 20), "VIOLATION"),
        (request("kill.site", "asgi 2", 9, 11), killed("asgi 1", 10, 15), "VIOLATION"),
        # In flight on the killed worker, or on a worker of the killed process.
        (request("kill.node", "asgi 3", 9, 11), killed("node 1", 10, 15), "WORKER_DIED"),
        (request("kill.node", "asgi 3", 9, 11), killed("asgi 2", 10, 15), "WORKER_DIED"),
        # Sent to it while it died, or before anybody could see that it had.
        (
            request("kill.node", "asgi 3", 10.2, 11),
            killed("node 1", 10, 15, gone=10.3),
            "WORKER_DIED",
        ),
        (
            request("kill.node", "asgi 3", 10.31, 11),
            killed("node 1", 10, 15, gone=10.3),
            "WORKER_DIED",
        ),
        (
            request("kill.node", "asgi 3", 10.33, 11),
            killed("node 1", 10, 15, gone=10.3),
            "VIOLATION",
        ),
        # There is another worker, so what comes later has to be answered.
        (
            request("kill.node", "asgi 3", 12, 13, status=503),
            killed("node 1", 10, 15),
            "VIOLATION",
        ),
        # There is none.
        (
            request("kill.single", "asgi 3", 12, 13, status=503),
            killed("python 1", 10, 15, 16),
            "ONLY_WORKER_AWAY",
        ),
        (
            request("kill.single", "asgi 3", 17, 18, status=503),
            killed("python 1", 10, 15, 16),
            "VIOLATION",
        ),
        (request("kill.single", "asgi 3", 12, 13), killed("python 1", 10, 15, 16), "VIOLATION"),
        # Between processes Redis is needed, within one it is not.
        (request("kill.single", "asgi 3", 12, 13), killed(REDIS, 10, 15, 16), "REDIS_AWAY"),
        (request("kill.single", "asgi 2", 12, 13), killed(REDIS, 10, 15, 16), "VIOLATION"),
        (request("kill.enqueue", "asgi 3", 12, 13), killed(REDIS, 10, 15, 16), "VIOLATION"),
    ],
)
def test_a_failed_request_is_judged_by_what_was_killed(
    made: Request, outages: Outages, kind: str
) -> None:
    assert http_account.judge(made, outages) == getattr(http_account, kind)


def test_a_violation_is_named() -> None:
    made = [request("kill.site", "asgi 1", 1, 2), request("kill.site", "asgi 1", 1, 2, status=200)]
    account = http_account.account(made, Outages())
    assert account.total == 2
    assert account.failures() == ["1 failed without a reason: asgi 1 kill.site 500 x"]


def test_who_was_there_must_have_heard(tmp_path: Path) -> None:
    made = [request("kill.publish", "asgi 1", 10, 11, n=5, status=200)]
    for worker in ("node 1", "node 2", "python 1"):
        note(tmp_path, heard(worker), 5)
    assert news_account.account(made, killed("python 2", 9, 12, 12), tmp_path).failures() == []
    assert news_account.account(made, killed("python 2", 20, 22, 22), tmp_path).failures() == [
        "1 missed although all were there: 5 of asgi 1 by python 2 at asgi 3"
    ]


def test_a_follower_sees_numbers_that_go_back_and_asks_for_those_left_out() -> None:
    follower = Follower(door="asgi 1", url="")

    def take(kind: str, seq: int, n: int) -> bool:
        item = {"item_id": "1", "n": n}
        data = [item] if kind == "sync" else item
        return follower._take({"seq": seq, "event": {"type": kind, "data": data}})

    assert take("sync", 4, 1)
    assert take("update", 5, 2)
    assert not take("update", 7, 4)
    assert (follower.items, follower.last, follower.gaps) == ({"1": 2}, 5, 1)
    assert take("update", 5, 2)
    assert follower.backwards == ["asgi 1: 5 after 5"]
