"""``runs/``: what ran, and running it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Invocation
from iii_triggers.operations import replay as replays
from iii_triggers.operations.audit import log_action
from iii_triggers.operations.bounded_scan import Index
from iii_triggers.operations.runs import RunResult

from .filters import Filter, moment, one_of, text, uuid
from .long_lists import LongListViewSet
from .permissions import has_perm
from .run_serializers import (
    EDITED,
    PAYLOAD,
    REPLAY,
    RUN,
    PayloadSerializer,
    ReplaySerializer,
    RunSerializer,
    payload_of,
)
from .running import EXAMPLES, RESPONSES, run_answer
from .schema import describe

Status = Invocation.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFilter(Filter):
    """How a run stands: there is an index of those that run or failed."""

    def index_for(self, value: Any) -> Index:
        """Most runs succeed."""
        return Index.NONE if value == Status.SUCCEEDED else Index.ORDERED

    def narrow(self, rows: Any, value: Any) -> QuerySet[Invocation]:
        """Use the index."""
        found: QuerySet[Invocation] = rows.with_status(value)
        return found


FILTERS: dict[str, Filter] = {
    "status": StatusFilter(
        lookup="status",
        read=one_of(Status.values),
        schema={"type": "string", "enum": Status.values},
    ),
    "function": text("function_id", "Id of the function."),
    "namespace": text("namespace", index=Index.NONE),
    "type": text("trigger_type", "Id of the trigger type; empty for direct calls."),
    "trigger": text("trigger_id", "Id of the trigger, as it was given (`trigger_id`)."),
    "worker": text("worker_id", "Id of the worker."),
    "delivery": uuid("delivery_id", "Id of the delivery.", index=Index.COUNTED),
    "replay_of": uuid("replay_of", "Id of the run it repeats.", index=Index.COUNTED),
    "since": moment("id__gte", "Started then or later."),
    "until": moment("id__lt", "Started before."),
}


@extend_schema_view(
    list=describe(summary="List runs", examples=[RUN]),
    retrieve=describe(summary="Look at a run", examples=[RUN]),
)
class RunViewSet(RetrieveModelMixin, LongListViewSet):
    """What ran, in which process, for how long, and how it ended."""

    queryset = Invocation.objects.all()
    serializer_class = RunSerializer
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"
    needs = {
        "list": "view_invocation",
        "retrieve": "view_invocation",
        "payload": "view_invocation view_payload",
        "replay": "replay_invocation",
    }
    fires = frozenset({"replay"})
    filters = FILTERS

    def list(self, request: Request) -> Response:
        """List the runs, newest first.

        A page with few or no runs need not be the last one: what several filters allow may be rare,
        so each page looks at so many runs only, and `next` goes on from there.
        """
        return self.page(self.get_queryset())

    @describe(
        summary="Look at the payload of a run", responses=PayloadSerializer, examples=[PAYLOAD]
    )
    @action(detail=True)
    def payload(self, request: Request, pk: str) -> Response:
        """Tell what it was given and what it returned, as far as the history kept it."""
        run: Invocation = self.get_object()
        kept = run.payload
        if kept is None:
            raise Http404
        return Response(PayloadSerializer(payload_of(kept)).data)

    @describe(
        summary="Replay a run",
        request=ReplaySerializer,
        responses=RESPONSES,
        examples=[REPLAY, EDITED, *EXAMPLES],
    )
    @action(detail=True, methods=["post"], serializer_class=ReplaySerializer)
    def replay(self, request: Request, pk: str) -> Response:
        """Run its function again, with the same input or another, and wait a while for the result.

        Those who may not view payloads cannot give another input, and are not told the result.
        """
        run: Invocation = self.get_object()
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        is_free = has_perm(request, "view_payload")
        if "data" in wanted.validated_data and not is_free:
            raise PermissionDenied("Another input takes the permission view_payload.")
        # Before it runs: whatever dies then, it is known who did it.
        log_action(request.user, run, "Replayed through the REST API.")
        again = _again(run, **wanted.validated_data)
        return run_answer(request, again if is_free else replace(again, result=None))


def _again(run: Invocation, *, wait_s: float, **edited: Any) -> RunResult:
    if "data" in edited:
        return replays.replay_edited(run, edited["data"], wait_s=wait_s)
    return replays.replay(run, wait_s=wait_s)
