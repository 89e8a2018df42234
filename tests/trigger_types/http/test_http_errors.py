"""Answers the engine makes of errors."""

from __future__ import annotations

import msgspec
import pytest

from iii_triggers.protocol import errors as protocol
from iii_triggers.trigger_types.http import errors


def json_of(response):
    headers = dict(response.headers)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-length"] == b"%d" % len(response.body)
    return msgspec.json.decode(response.body)


def test_an_error_has_a_code_a_message_and_an_id():
    response = errors.error_response(
        418, "TEAPOT", 'short & "stout"', error_id="e1", extra_headers=[(b"x-a", b"b")]
    )
    assert response.status == 418
    assert (b"x-a", b"b") in response.headers
    assert json_of(response) == {
        "error": {"code": "TEAPOT", "message": 'short & "stout"', "error_id": "e1"}
    }


@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (errors.not_found(error_id="e"), 404, "NOT_FOUND"),
        (errors.method_not_allowed(("GET", "HEAD"), error_id="e"), 405, "METHOD_NOT_ALLOWED"),
        (errors.from_error(errors.BodyTooLarge.of(10), error_id="e"), 413, "PAYLOAD_TOO_LARGE"),
        (errors.condition_not_met(error_id="e"), 422, "CONDITION_NOT_MET"),
        (errors.worker_unavailable(error_id="e"), 503, "WORKER_UNAVAILABLE"),
        (errors.timeout(error_id="e"), 504, "TIMEOUT"),
    ],
)
def test_each_helper_has_its_status_and_code(response, status, code):
    error = json_of(response)["error"]
    assert (response.status, error["code"], error["error_id"]) == (status, code, "e")
    assert error["message"]


def test_a_405_lists_what_is_allowed():
    response = errors.method_not_allowed(("GET", "HEAD"), error_id="e")
    assert (b"allow", b"GET, HEAD") in response.headers


def test_a_condition_that_is_not_met_says_skipped():
    assert json_of(errors.condition_not_met(error_id="e")) == {
        "error": {
            "code": "CONDITION_NOT_MET",
            "message": "Request condition not met",
            "error_id": "e",
        },
        "skipped": True,
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (protocol.FunctionNotFound("secret"), 503, "WORKER_UNAVAILABLE"),
        (protocol.InvocationStopped("secret"), 503, "WORKER_UNAVAILABLE"),
        (protocol.ChannelSendFailed("secret"), 503, "WORKER_UNAVAILABLE"),
        (protocol.EngineNotRunning("secret"), 503, "WORKER_UNAVAILABLE"),
        (protocol.InvocationTimeout("slow"), 504, "TIMEOUT"),
        (protocol.PayloadTooLarge("big"), 413, "PAYLOAD_TOO_LARGE"),
        (protocol.Forbidden("no"), 500, "FORBIDDEN"),
        (protocol.InvocationFailed("no", code="NOT_FOUND"), 500, "NOT_FOUND"),
        (protocol.InvocationFailed("no", stacktrace="at secret"), 500, "invocation_failed"),
    ],
)
def test_error_codes_become_statuses(error, status, code):
    response = errors.from_error(error, error_id="e")
    assert (response.status, json_of(response)["error"]["code"]) == (status, code)
    assert b"secret" not in response.body


def test_the_message_of_a_function_is_shown():
    response = errors.from_error(protocol.InvocationFailed("out of tea", code="TEA"), error_id="e")
    assert json_of(response)["error"] == {"code": "TEA", "message": "out of tea", "error_id": "e"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.BadBody("broken"), 400, "BAD_REQUEST"),
        (errors.UnsupportedBody("unknown"), 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_errors_of_the_request_carry_their_status(error, status, code):
    response = errors.from_error(error, error_id="e")
    expected = {"code": code, "message": error.message, "error_id": "e"}
    assert (response.status, json_of(response)["error"]) == (status, expected)
