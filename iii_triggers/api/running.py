"""Answers about runs that a request started, and the bodies that start them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from iii_triggers.operations.runs import MAX_WAIT_S, RunResult

from .fields import BodySerializer, NumberField

WAIT_S = 10.0


class WaitSerializer(BodySerializer):
    """How long to wait for the end of the run."""

    wait_s = NumberField(
        min_value=0,
        max_value=MAX_WAIT_S,
        default=WAIT_S,
        help_text="Seconds to wait for the end of the run.",
    )


class RunResultSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """How a run stands."""

    run_id = serializers.UUIDField(help_text="Finds the run at `runs/{id}/`.")
    status = serializers.ChoiceField(choices=["running", "succeeded", "failed"])
    result = serializers.JSONField(
        allow_null=True, help_text="What the function returned; null for nothing."
    )
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


DONE = OpenApiExample(
    "It succeeded",
    status_codes=["200"],
    response_only=True,
    value={
        "run_id": "0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "status": "succeeded",
        "result": {"greeting": "Hello, Ada"},
        "error_code": "",
        "error": "",
    },
)
FAILED = OpenApiExample(
    "It failed",
    status_codes=["200"],
    response_only=True,
    value={
        "run_id": "0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "status": "failed",
        "result": None,
        "error_code": "function_not_found",
        "error": "Function demo.greet not found in namespace default.",
    },
)
RUNNING = OpenApiExample(
    "It takes longer",
    status_codes=["202"],
    response_only=True,
    value={
        "run_id": "0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "status": "running",
        "result": None,
        "error_code": "",
        "error": "",
    },
)

RESPONSES = {
    200: OpenApiResponse(RunResultSerializer, description="The run has ended."),
    202: OpenApiResponse(RunResultSerializer, description="The run goes on: ask for it later."),
}
EXAMPLES = [DONE, FAILED, RUNNING]


def run_answer(request: Request, run: RunResult) -> Response:
    """Answer with how a run stands: 200 if it has ended, 202 if it goes on."""
    document: dict[str, Any] = RunResultSerializer(run).data
    is_running = run.status == "running"
    response = Response(document, status=HTTPStatus.ACCEPTED if is_running else HTTPStatus.OK)
    where = {"pk": run.run_id}
    response["Location"] = reverse("iii_triggers:api:runs-detail", kwargs=where, request=request)
    return response
