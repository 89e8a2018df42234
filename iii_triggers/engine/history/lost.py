"""Runs whose process is gone: nobody will write how they ended."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from iii_triggers.models import Invocation, Node

LOST = "node_lost"
BATCH = 1000

_ERROR = "The process that waited for its outcome is gone."


def fail_lost_runs() -> int:
    """Let runs fail that are of no node there is; return how many.

    One whose node was only taken for dead is written again when it ends.
    """
    lives = Node.objects.filter(node_id=OuterRef("node_id"))
    running = Invocation.objects.running()
    lost = running.filter(~Exists(lives)).order_by("id").values_list("pk", flat=True)
    failed = 0
    while ids := list(lost[:BATCH]):
        failed += running.filter(pk__in=ids).update(
            status=Invocation.Status.FAILED, error_code=LOST, error=_ERROR
        )
    return failed
