"""This process among the others: its row, its heartbeat, and the sweep of the dead."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Change, Node

from .history.lost import fail_lost_runs


@dataclass(slots=True, kw_only=True)
class ThisNode:
    """The row of this process. All methods are units of database work."""

    kind: str = Node.Kind.OTHER
    node_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    channel: str = ""
    """Where other nodes reach this one; empty if they cannot."""
    draining_since: datetime | None = None
    runs_dropped: int = 0
    """How many runs its history did not keep; written with each heartbeat."""

    def join(self) -> None:
        """Write the row and remove those of dead nodes, with all that their workers left."""
        now = timezone.now()
        with transaction.atomic():
            Node.objects.create(
                node_id=self.node_id,
                kind=self.kind,
                host=socket.gethostname(),
                pid=os.getpid(),
                channel=self.channel,
                started_at=now,
                heartbeat_at=now,
                draining_since=self.draining_since,
            )
            self._announce(self.node_id, self.channel)
            self.sweep()

    def write_channel(self) -> None:
        """Write where other nodes reach this one, and tell them."""
        with transaction.atomic():
            Node.objects.filter(node_id=self.node_id).update(channel=self.channel)
            self._announce(self.node_id, self.channel)

    def drain(self) -> None:
        """Write that this process stops, and tell others: they send it nothing they need not."""
        self.draining_since = timezone.now()
        with transaction.atomic():
            row = Node.objects.filter(node_id=self.node_id)
            row.update(draining_since=self.draining_since)
            self._announce(self.node_id, self.channel)

    def beat(self) -> bool:
        """Say that this process lives, and sweep.

        Return False if the row was gone, swept by a node that took this one for dead (it was
        suspended, or the database was away for long): it is there again, its workers' are not.
        """
        row = Node.objects.filter(node_id=self.node_id)
        if not row.update(heartbeat_at=timezone.now(), runs_dropped=self.runs_dropped):
            self.join()
            return False
        self.sweep()
        return True

    def sweep(self) -> int:
        """Remove the rows of dead nodes; their workers, functions and triggers go with them.

        What they ran has failed.
        """
        late = timezone.now() - timedelta(seconds=settings.III_NODE_TIMEOUT_S)
        dead = [node for node in self._suspects(late) if not _lives(node, late=late)]
        for node in dead:
            self._remove(node.pk, node.channel)
        fail_lost_runs()
        return len(dead)

    def leave(self) -> None:
        """Remove the row of this process and what its workers left."""
        self._remove(self.node_id, self.channel)

    def _remove(self, node_id: str, channel: str) -> None:
        with transaction.atomic():
            Node.objects.filter(pk=node_id).delete()
            self._announce(node_id, channel)

    def _announce(self, node_id: str, channel: str) -> None:
        """Tell other nodes that a node came, went or moved, if any of them knew where it is."""
        if channel:
            Change.objects.record(Change.Kind.FUNCTION, node_id)

    def _suspects(self, late: datetime) -> list[Node]:
        here = Q(host=socket.gethostname())
        others = Node.objects.exclude(node_id=self.node_id)
        return list(others.filter(here | Q(heartbeat_at__lt=late)))


def _lives(node: Node, *, late: datetime) -> bool:
    """Tell whether a suspect lives: it beats, and its process is one of this host but not us."""
    is_here = node.host == socket.gethostname() and node.pid != os.getpid()
    return is_here and node.heartbeat_at >= late and _process_runs(node.pid)


def _process_runs(pid: int) -> bool:
    """Tell whether there is such a process; a zombie, which nobody waited for, does not run."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] != "Z"
