"""Nodes: heartbeat, and the sweep of the dead (design, section 4)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from iii_triggers.engine.nodes import ThisNode
from iii_triggers.models import Function, Node, Trigger, Worker

HERE = socket.gethostname()


@pytest.fixture
def node(transactional_db: None) -> ThisNode:
    node = ThisNode(kind=Node.Kind.ASGI)
    node.join()
    return node


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def other(node_id: str, *, host: str = HERE, pid: int = 1, silent_s: float = 0) -> Node:
    now = timezone.now()
    return Node.objects.create(
        node_id=node_id,
        host=host,
        pid=pid,
        started_at=now,
        heartbeat_at=now - timedelta(seconds=silent_s),
    )


def ids() -> set[str]:
    return set(Node.objects.values_list("node_id", flat=True))


def test_a_node_joins_beats_and_leaves(node: ThisNode) -> None:
    row = Node.objects.get()
    assert (row.kind, row.host, row.pid) == ("asgi", HERE, os.getpid())
    assert node.beat()
    assert Node.objects.get().heartbeat_at > row.heartbeat_at
    node.leave()
    assert ids() == set()


def test_a_dead_process_of_this_host_is_swept_at_once(node: ThisNode, dead_pid: int) -> None:
    other("dead", pid=dead_pid)
    assert node.sweep() == 1
    assert ids() == {node.node_id}


def test_a_living_process_of_this_host_stays_until_it_is_silent_too_long(node: ThisNode) -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        living = other("living", pid=process.pid, silent_s=20)
        node.beat()
        assert ids() == {node.node_id, "living"}
        Node.objects.filter(pk=living.pk).update(
            heartbeat_at=timezone.now() - timedelta(seconds=40)
        )
        node.beat()
        assert ids() == {node.node_id}
        process.communicate(b"\n")


def test_a_process_that_ended_and_that_nobody_waited_for_is_dead(node: ThisNode) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    other("zombie", pid=process.pid)
    node.beat()
    assert ids() == {node.node_id}
    process.wait()


def test_an_earlier_engine_of_this_very_process_is_swept(node: ThisNode) -> None:
    other("earlier", pid=os.getpid())
    node.beat()
    assert ids() == {node.node_id}


def test_a_node_elsewhere_is_swept_by_its_silence(node: ThisNode) -> None:
    other("fresh", host="elsewhere", silent_s=20)
    other("silent", host="elsewhere", silent_s=40)
    node.beat()
    assert ids() == {node.node_id, "fresh"}


def test_what_the_workers_of_a_dead_node_left_goes_with_it(node: ThisNode, dead_pid: int) -> None:
    now = timezone.now()
    dead = other("dead", pid=dead_pid)
    worker = Worker.objects.create(worker_id="w", node=dead, connected_at=now, last_seen=now)
    Function.objects.create(function_id="f", worker=worker)
    Function.objects.create(function_id="sites")
    for source, owner in (("worker", worker), ("admin", None)):
        Trigger.objects.create(
            trigger_id=source, trigger_type="x", function_id="f", source=source, worker=owner
        )
    node.sweep()
    assert not Worker.objects.exists()
    assert [row.function_id for row in Function.objects.all()] == ["sites"]
    assert [row.trigger_id for row in Trigger.objects.all()] == ["admin"]


def test_a_node_that_was_swept_by_mistake_is_there_again(node: ThisNode) -> None:
    Node.objects.all().delete()
    assert not node.beat()
    assert ids() == {node.node_id}
    assert node.beat()
