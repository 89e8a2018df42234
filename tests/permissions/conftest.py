"""No function runs in these tests: the log of the admin tells that one would have."""

from __future__ import annotations

import uuid

import pytest

from iii_triggers.operations import firing, invoking, replay
from iii_triggers.operations.runs import RunResult


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer every call at once."""
    done = RunResult(run_id=str(uuid.uuid4()), status="succeeded", result=None)
    for module in (firing, invoking, replay):
        monkeypatch.setattr(module, "start", lambda call, *, wait_s: done)
    # Asks the engine whether a function is one of its own: it is not.
    monkeypatch.setattr(invoking, "run_sync", lambda coroutine, *, timeout_s: coroutine.close())
