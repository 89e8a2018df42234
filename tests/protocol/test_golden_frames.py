"""The codec against frames that published SDKs really sent, and against stored frames of ours.

``tests/sdk_workers/record_frames.py`` records the former; the recorder's scenario says what a
frame answers to.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
from msgspec import Raw

from iii_triggers.protocol import codec
from iii_triggers.protocol.errors import AuthenticationFailed, InvocationStopped
from iii_triggers.protocol.messages import (
    Action,
    AnyMessage,
    Error,
    ErrorBody,
    InvocationResult,
    InvokeFunction,
    Message,
    Pong,
    Reattach,
    RegisterFunction,
    RegisterTrigger,
    RegisterTriggerType,
    RegistrationRejected,
    TriggerRegistrationResult,
    UnregisterFunction,
    UnregisterTrigger,
    UnregisterTriggerType,
    WorkerRegistered,
)

FRAMES = Path(__file__).parent / "frames"
SDKS = ["python_0_0_2", "python_0_9", "python_0_25", "node_0_2", "node_0_22"]
VERSIONS = {
    "python_0_0_2": ("python", "0.0.2"),
    "python_0_9": ("python", "0.9.0"),
    "python_0_25": ("python", "0.25.0"),
    "node_0_2": ("node", "0.2.1"),
    "node_0_22": ("node", "0.22.1"),
}
WITH_REATTACH = {"python_0_25", "node_0_22"}
WITH_VOID_ACTION = {"python_0_9", "python_0_25", "node_0_22"}
WITH_STACKTRACE = WITH_VOID_ACTION
FIRST_ID = "00000000-0000-4000-8000-000000000001"
WORKER_ID = "11111111-1111-4111-8111-111111111111"
TOKEN = "22222222-2222-4222-8222-222222222222"

M = TypeVar("M", bound=Message)


def sent(sdk: str) -> list[AnyMessage]:
    """Decode every frame of an SDK."""
    return [codec.decode(line) for line in lines(sdk)]


def lines(name: str) -> list[str]:
    return (FRAMES / f"{name}.jsonl").read_text().splitlines()


def only(messages: list[AnyMessage], kind: type[M], **facts: object) -> list[M]:
    """Return the messages of a kind with these field values."""
    found = [message for message in messages if isinstance(message, kind)]
    return [m for m in found if all(getattr(m, key) == value for key, value in facts.items())]


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_the_worker_names_itself_on_connecting_and_on_coming_back(sdk: str) -> None:
    dotted = sdk == "python_0_0_2"
    function_id = "engine.workers.register" if dotted else "engine::workers::register"
    calls = only(sent(sdk), InvokeFunction, function_id=function_id)
    assert len(calls) == 2
    for call in calls:
        about = codec.from_json(call.data)
        assert (about["runtime"], about["version"]) == VERSIONS[sdk]
        assert about["name"] == "golden"
        assert about["os"].startswith("Linux")
        assert call.invocation_id is None


def test_functions_are_registered_by_id_and_again_on_coming_back(sdk: str) -> None:
    ids = [message.id for message in only(sent(sdk), RegisterFunction)]
    assert ids == ["golden.greet", "golden.fail", "golden.note"] * 2


def test_a_format_the_sdk_derives_from_the_handler_is_kept() -> None:
    note = only(sent("python_0_25"), RegisterFunction, id="golden.note")[0]
    assert note.response_format["type"] == "null"
    assert note.request_format is None


def test_the_http_trigger_keeps_its_id_and_config_on_coming_back(sdk: str) -> None:
    first, again = only(sent(sdk), RegisterTrigger)
    assert first == again
    assert (first.trigger_type, first.function_id) == ("http", "golden.greet")
    assert first.id == FIRST_ID
    assert first.config == {"api_path": "golden/:name", "http_method": "POST"}
    assert first.metadata is None
    assert first.namespace is None


def test_the_trigger_type_is_registered_with_its_description(sdk: str) -> None:
    types = only(sent(sdk), RegisterTriggerType)
    assert [(one.id, one.description) for one in types] == [("golden.type", "A golden type")] * 2


def test_the_provider_confirms_a_trigger_without_an_error(sdk: str) -> None:
    (verdict,) = only(sent(sdk), TriggerRegistrationResult)
    assert (verdict.id, verdict.trigger_type) == ("binding", "golden.type")
    assert verdict.function_id == "other.function"
    assert verdict.error is None


def test_a_result_carries_the_id_of_the_call_and_the_value(sdk: str) -> None:
    (result,) = only(sent(sdk), InvocationResult, invocation_id="golden.greet")
    assert codec.from_json(result.result) == {"message": "Hello, Ada!"}
    assert result.error is None
    assert result.function_id == "golden.greet"


def test_a_function_that_raises_becomes_an_error_with_code_and_message(sdk: str) -> None:
    (result,) = only(sent(sdk), InvocationResult, invocation_id="golden.fail")
    assert isinstance(result.error, ErrorBody)
    assert result.error.code == "invocation_failed"
    assert result.error.message == "no greeting today"
    assert result.error.stacktrace == ("..." if sdk in WITH_STACKTRACE else None)
    assert codec.is_null(result.result)


def test_a_function_that_returns_nothing_is_success_without_result(sdk: str) -> None:
    (result,) = only(sent(sdk), InvocationResult, invocation_id="golden.note")
    assert codec.is_null(result.result)
    assert result.error is None


def test_only_the_newest_python_sdk_spells_nothing_as_null(sdk: str) -> None:
    (result,) = only(sent(sdk), InvocationResult, invocation_id="golden.note")
    assert bytes(result.result) == (b"null" if sdk == "python_0_25" else b"")


def test_a_call_carries_an_id_and_its_data(sdk: str) -> None:
    (call,) = only(sent(sdk), InvokeFunction, function_id="other.function")
    assert codec.from_json(call.data) == {"x": 1}
    assert call.invocation_id is not None
    assert call.action is None


def test_a_call_with_nothing_to_say_lacks_data_and_means_null(sdk: str) -> None:
    (line,) = [one for one in lines(sdk) if "other.nothing" in one]
    assert '"data"' not in line
    (call,) = only(sent(sdk), InvokeFunction, function_id="other.nothing")
    assert codec.is_null(call.data)
    assert call.invocation_id is not None


def test_a_forgotten_call_has_no_id_and_newer_sdks_say_void(sdk: str) -> None:
    (call,) = only(sent(sdk), InvokeFunction, function_id="other.void")
    assert call.invocation_id is None
    assert codec.from_json(call.data) == {"x": 2}
    assert call.action == (Action(type="void") if sdk in WITH_VOID_ACTION else None)


def test_coming_back_starts_with_reattach_where_the_sdk_knows_it(sdk: str) -> None:
    messages = sent(sdk)
    reattached = only(messages, Reattach)
    expected = [Reattach(previous_worker_id=WORKER_ID, reattach_token=TOKEN)]
    assert reattached == (expected if sdk in WITH_REATTACH else [])
    if reattached:
        following = messages[messages.index(reattached[0]) + 1]
        assert isinstance(following, RegisterTriggerType)


def test_a_trigger_is_unregistered_by_id_and_the_oldest_sdk_leaves_out_the_type(sdk: str) -> None:
    (gone,) = only(sent(sdk), UnregisterTrigger)
    assert gone.id == FIRST_ID
    assert gone.trigger_type == (None if sdk == "python_0_0_2" else "http")


def test_a_function_is_unregistered_where_the_sdk_can(sdk: str) -> None:
    ids = [message.id for message in only(sent(sdk), UnregisterFunction)]
    assert ids == ([] if sdk == "python_0_0_2" else ["golden.fail"])


def test_every_sdk_unregisters_a_trigger_type_by_id(sdk: str) -> None:
    (gone,) = only(sent(sdk), UnregisterTriggerType)
    assert gone.id == "golden.type"


def test_the_newest_python_sdk_names_the_default_namespace_for_engine_functions() -> None:
    calls = only(sent("python_0_25"), InvokeFunction, function_id="engine::functions::list")
    assert [call.namespace for call in calls] == ["default"] * 3


def test_a_result_of_an_instrumented_worker_carries_its_traceparent() -> None:
    (result,) = only(sent("python_0_9"), InvocationResult, invocation_id="golden.greet")
    assert result.traceparent == f"00-{1:032x}-{1:016x}-01"


def test_frames_of_the_engine_are_what_was_stored_letter_for_letter() -> None:
    assert [codec.encode(message) for message in of_the_engine()] == lines("engine")


def test_frames_of_the_engine_decode_to_what_was_encoded() -> None:
    again = [codec.encode(codec.decode(line)) for line in lines("engine")]
    assert again == lines("engine")


def of_the_engine() -> list[Message]:
    """One of each message the engine sends, and the variants that peers are strict about."""
    binding = {"id": "binding", "trigger_type": "golden.type"}
    target = {"trigger_type": "golden.type", "function_id": "other.function"}
    return [
        WorkerRegistered(worker_id=WORKER_ID, reattach_token=TOKEN),
        RegisterTrigger(
            id="binding", **target, config={"channel": "#general"}, metadata={"team": "web"}
        ),
        RegisterTrigger(id="bare", **target),
        UnregisterTrigger(**binding),
        TriggerRegistrationResult(
            id="route",
            trigger_type="http",
            function_id="golden.greet",
            error=ErrorBody(
                code="trigger_registration_failed",
                message="api_path is required for http triggers",
            ),
        ),
        *invocations(),
        RegistrationRejected(
            code="FUNCTION_NAMESPACE_CONFLICT",
            namespace="default",
            owner_worker_id=WORKER_ID,
            function_id="golden.greet",
        ),
        Pong(),
        Error(error=codec.error_body(AuthenticationFailed())),
    ]


def invocations() -> list[Message]:
    """Calls and results as the engine sends them."""
    failed = ErrorBody(code="invocation_failed", message="no greeting today", stacktrace="...")
    return [
        InvokeFunction(
            function_id="golden.greet",
            data=Raw(b'{"name":"Ada"}'),
            invocation_id="call",
            traceparent=f"00-{1:032x}-{1:016x}-01",
            baggage="user=ada",
            metadata={"team": "web"},
        ),
        InvokeFunction(function_id="golden.greet", invocation_id="bare call"),
        InvocationResult(
            invocation_id="call",
            function_id="golden.greet",
            result=Raw(b'{"message":"Hello, Ada!"}'),
        ),
        InvocationResult(invocation_id="call", function_id="golden.note"),
        InvocationResult(invocation_id="call", function_id="golden.fail", error=failed),
        InvocationResult(
            invocation_id="call",
            function_id="golden.wait",
            error=codec.error_body(InvocationStopped()),
        ),
    ]
