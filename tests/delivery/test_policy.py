"""How often and when a delivery is tried."""

from __future__ import annotations

import random

import pytest
from django.test import override_settings

from iii_triggers.delivery.policy import JITTER, Policy


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)


def test_the_pause_doubles_with_every_failure(no_jitter: None) -> None:
    policy = Policy(backoff_ms=100)
    assert [policy.pause_s(failures) for failures in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]


def test_the_pause_has_an_end(no_jitter: None) -> None:
    with override_settings(III_MAX_BACKOFF_MS=1500):
        policy = Policy(backoff_ms=1000)
        assert [policy.pause_s(failures) for failures in (1, 2, 500)] == [1.0, 1.5, 1.5]


def test_a_trigger_may_ask_for_a_longer_pause_than_the_site(no_jitter: None) -> None:
    with override_settings(III_MAX_BACKOFF_MS=1500):
        assert Policy(backoff_ms=5000).pause_s(3) == 5.0


def test_a_fixed_pause_stays(no_jitter: None) -> None:
    policy = Policy(backoff_ms=250, backoff_type="fixed")
    assert {policy.pause_s(failures) for failures in range(1, 9)} == {0.25}


def test_no_pause_is_no_pause() -> None:
    assert Policy(backoff_ms=0).pause_s(7) == 0


def test_pauses_differ_a_little() -> None:
    pauses = {Policy(backoff_ms=1000, backoff_type="fixed").pause_s(1) for _ in range(200)}
    assert len(pauses) > 1
    assert min(pauses) >= 1.0
    assert max(pauses) <= 1.0 + JITTER


@override_settings(III_MAX_ATTEMPTS=7, III_BACKOFF_MS=200, III_DELIVERY_TIMEOUT_S=60)
def test_what_is_left_open_is_the_sites_setting(no_jitter: None) -> None:
    policy = Policy()
    assert (policy.attempts, policy.timeout_s, policy.pause_s(1)) == (7, 60, 0.2)
    policy = Policy(max_attempts=1, timeout_ms=1500, backoff_ms=0)
    assert (policy.attempts, policy.timeout_s, policy.pause_s(1)) == (1, 1.5, 0)


def test_is_stored_as_what_differs_and_comes_back() -> None:
    policy = Policy(concurrency=2, is_ordered=True, order_by="id", condition_function_id="c")
    stored = policy.as_json()
    assert stored == {
        "concurrency": 2,
        "is_ordered": True,
        "order_by": "id",
        "condition_function_id": "c",
    }
    assert Policy.of(stored) == policy


@pytest.mark.parametrize("stored", [None, {}, {"of_another_version": 1}])
def test_what_is_not_stored_is_the_default(stored: object) -> None:
    assert Policy.of(stored) == Policy()
