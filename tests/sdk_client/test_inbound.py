"""Inbound frames: each to its route, and none that can hurt."""

from __future__ import annotations

import logging

from iii_triggers.protocol.messages import Pong
from iii_triggers.sdk.inbound import Inbound


def test_a_frame_that_cannot_be_handled_is_logged_and_the_next_one_is_handled(caplog):
    seen: list[Pong] = []

    def route(message: Pong) -> None:
        seen.append(message)
        if len(seen) == 1:
            raise RuntimeError("broken")

    inbound = Inbound({Pong: route})
    inbound.receive('{"type":"pong"}')
    inbound.receive(b'{"type":"pong"}')
    assert len(seen) == 2
    assert "could not be handled" in caplog.text


def test_what_the_engine_refuses_is_logged_as_an_error(caplog):
    inbound = Inbound({})
    inbound.receive('{"type":"error","error":{"code":"AUTH_ERROR","message":"no token"}}')
    inbound.receive(
        '{"type":"registrationrejected","code":"FUNCTION_NAMESPACE_CONFLICT",'
        '"namespace":"default","owner_worker_id":"","function_id":"engine::x"}'
    )
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]
    assert "AUTH_ERROR: no token" in caplog.text
    assert "engine::x" in caplog.text
