"""``functions/``: who can run what, and running it."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Function
from iii_triggers.operations.audit import log_many
from iii_triggers.operations.invoking import Wish, invoke
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import FunctionNotFound

from .filters import text, values
from .function_serializers import (
    BEGIN,
    INVOKE,
    OFFERS,
    SHOWN,
    FunctionSerializer,
    InvokeSerializer,
    OfferSerializer,
)
from .problems import Problem, answer
from .running import DONE, RUNNING, RunResultSerializer, run_answer
from .schema import describe, path_text
from .views import ApiViewSet

MAX_OFFERS = 200
FUNCTION_ID = path_text("Id of the function.")
NAMESPACE = OpenApiParameter("namespace", str, description="`default` unless it says more.")
RESPONSES = {
    200: OpenApiResponse(RunResultSerializer, description="It succeeded."),
    202: OpenApiResponse(RunResultSerializer, description="It goes on: ask for the run later."),
}


@extend_schema_view(list=describe(summary="List functions", examples=[SHOWN]))
class FunctionViewSet(ApiViewSet):
    """The functions that can be invoked now, one row for each worker that offers one."""

    queryset = Function.objects.select_related("worker")
    serializer_class = OfferSerializer
    # An id may hold slashes; what ends in /invoke is the address of the verb.
    lookup_value_regex = r"(?:(?!/invoke/$)[^\x00])+?"
    needs = {"list": "view_function", "retrieve": "view_function", "invoke": "invoke_function"}
    fires = frozenset({"invoke"})
    filters = {
        "function": text("function_id", "Id of the function."),
        "namespace": text("namespace"),
        "worker": text("worker_id", "Id of the worker."),
    }

    def list(self, request: Request) -> Response:
        """List the offers, newest first."""
        return self.page(self.get_queryset())

    @describe(
        summary="Look at a function",
        parameters=[FUNCTION_ID, NAMESPACE],
        responses=FunctionSerializer,
        examples=[OFFERS],
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """Tell who offers a function, and what they say of it."""
        namespace = values(request, self).get("namespace", "default")
        rows = self.get_queryset().filter(namespace=namespace, function_id=pk)
        offers = list(rows.order_by("-pk")[:MAX_OFFERS])
        if not offers:
            raise Http404
        found = {"function_id": pk, "namespace": namespace, "offers": offers}
        return Response(FunctionSerializer(found).data)

    @describe(
        summary="Invoke a function",
        parameters=[FUNCTION_ID],
        request=InvokeSerializer,
        responses=RESPONSES,
        examples=[INVOKE, BEGIN, DONE, RUNNING],
    )
    @action(detail=True, methods=["post"], serializer_class=InvokeSerializer)
    def invoke(self, request: Request, pk: str) -> Response:
        """Run a function of a worker or of the site, and wait a while for the result.

        Of one that failed the answer is a problem with the function's own code, and the status 422,
        or 404 if nobody offers it. `wait_s: 0` answers at once. The run is in the history under the
        `Location`. Functions of the engine itself cannot be called.
        """
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        wish = {**wanted.validated_data}
        wait_s: float = wish.pop("wait_s")
        # Before it runs: whatever dies then, it is known who did it.
        log_many(request.user, Function, "Invoked through the REST API.", shown=pk)
        run = invoke(Wish(function_id=pk, **wish), wait_s=wait_s)
        response = run_answer(request, run)
        return self._failure(run, response["Location"]) if run.status == "failed" else response

    def _failure(self, run: RunResult, location: str) -> Response:
        """Answer with the problem of a function that failed: the API itself did all it could."""
        is_missing = run.error_code == FunctionNotFound.code
        status = HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.UNPROCESSABLE_ENTITY
        problem = Problem(run.error, code=run.error_code, status=status)
        response = answer(problem, self.get_exception_handler_context())
        response.exception = True
        response["Location"] = location
        return response
