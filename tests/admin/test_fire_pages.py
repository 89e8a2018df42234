"""Trying a trigger on its page, and what it did."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.utils import timezone

from iii_triggers.admin import fire_pages
from iii_triggers.admin.fire_pages import PIECE_HEADER
from iii_triggers.models import Invocation, InvocationPayload, Trigger, TriggerStat
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import EngineNotRunning

from .test_triggers import LIST, change_url, connect_worker

Fired = list[tuple[Trigger, Any, float]]
PIECE = {f"HTTP_{PIECE_HEADER.upper().replace('-', '_')}": "1"}


def test_fire_url(trigger: Trigger) -> str:
    return f"{LIST}{trigger.pk}/test-fire/"


test_fire_url.__test__ = False  # type: ignore[attr-defined]


def make_run(run_id: str, **facts: Any) -> Invocation:
    values = {"function_id": "demo.greet", "trigger_type": "http", "trigger_id": "greet"}
    return Invocation.objects.create(
        pk=run_id, status="succeeded", started_at=timezone.now(), **{**values, **facts}
    )


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fired]:
    """Have fired triggers answer: ``answering(status="succeeded", result=1)``."""

    def answering(*, raises: Exception | None = None, **outcome: Any) -> Fired:
        fired: Fired = []

        def fire(trigger: Trigger, payload: Any, *, wait_s: float) -> RunResult:
            fired.append((trigger, payload, wait_s))
            if raises is not None:
                raise raises
            values = {"run_id": str(uuid.uuid4()), "status": "succeeded", **outcome}
            return RunResult(**values)

        monkeypatch.setattr(fire_pages, "fire", fire)
        return fired

    return answering


class TestPage:
    """What the page offers."""

    def test_the_payload_is_prefilled_from_the_last_run(
        self, owner: Client, trigger: Trigger
    ) -> None:
        run = make_run(str(uuid.uuid4()))
        InvocationPayload.objects.create(run_id=run.pk, input='{"name":"</textarea><script>"}')
        page = owner.get(change_url(trigger)).content.decode()
        assert escape('"name": "</textarea><script>"') in page
        assert "</textarea><script>" not in page

    def test_without_the_permission_to_view_payloads_it_is_the_usual_one(
        self, owner: Client, trigger: Trigger
    ) -> None:
        User.objects.get().user_permissions.remove(Permission.objects.get(codename="view_payload"))
        run = make_run(str(uuid.uuid4()))
        InvocationPayload.objects.create(run_id=run.pk, input='{"secret":1}')
        page = owner.get(change_url(trigger)).content.decode()
        assert escape('"path": "/greet"') in page
        assert "secret" not in page

    def test_it_is_for_those_who_may_fire(self, viewer: Client, trigger: Trigger) -> None:
        assert "test-fire" not in viewer.get(change_url(trigger)).content.decode()

    def test_a_new_trigger_has_nothing_to_fire(self, owner: Client) -> None:
        assert "test-fire" not in owner.get(f"{LIST}add/").content.decode()

    def test_the_numbers_of_the_day_lead_to_the_runs(self, owner: Client, trigger: Trigger) -> None:
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        facts = {"namespace": "default", "trigger_id": "greet", "hour": hour}
        TriggerStat.objects.create(succeeded=41, failed=2, **facts)
        page = owner.get(change_url(trigger)).content.decode()
        assert "<strong>41</strong> succeeded" in page
        assert "?trigger=greet&amp;started=day&amp;status=failed" in page
        shown = owner.get(LIST).content.decode()
        assert ">43</a>" in shown
        assert "2 failed" in shown
        assert "?trigger=greet&amp;started=day" in shown

    def test_the_numbers_of_a_list_are_one_query(
        self, owner: Client, trigger: Trigger, django_assert_num_queries: Any
    ) -> None:
        owner.get(LIST)
        with django_assert_num_queries(9) as few:
            owner.get(LIST)
        for number in range(5):
            Trigger.objects.create(trigger_id=f"t{number}", trigger_type="state", function_id="f")
        with django_assert_num_queries(len(few)):
            owner.get(LIST)


class TestFire:
    """What a POST does."""

    def test_the_answer_is_shown_with_a_link_to_the_run(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        run_id = str(uuid.uuid4())
        make_run(run_id, duration_ms=12.5)
        fired = answering(run_id=run_id, result={"html": "<script>alert(1)</script>"})
        response = owner.post(test_fire_url(trigger), {"payload": '{"name": "Ada"}'}, **PIECE)
        page = response.content.decode()
        assert [(row.pk, payload) for row, payload, _ in fired] == [(trigger.pk, {"name": "Ada"})]
        assert (response.status_code, response[PIECE_HEADER]) == (200, "1")
        assert f"/admin/iii_triggers/invocation/{run_id}/change/" in page
        assert "in 12.5 ms" in page
        assert "<script>" not in page
        assert escape('"html": "<script>') in page
        assert "<html" not in page

    def test_without_a_script_it_is_a_page(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        answering(result=None)
        page = owner.post(test_fire_url(trigger), {"payload": "[1]"}).content.decode()
        assert "<html" in page
        assert "It returned nothing." in page
        assert change_url(trigger) in page

    def test_an_error_of_the_function_is_an_answer(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        answering(status="failed", error_code="E<1>", error="<b>no</b>")
        response = owner.post(test_fire_url(trigger), {"payload": "null"})
        assert response.status_code == 200
        assert "<code>E&lt;1&gt;</code> &lt;b&gt;no&lt;/b&gt;" in response.content.decode()

    def test_an_engine_that_is_away_is_an_answer(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        answering(raises=EngineNotRunning())
        response = owner.post(test_fire_url(trigger), {"payload": ""})
        assert "engine_not_running" in response.content.decode()

    def test_what_takes_long_goes_on(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        run_id = str(uuid.uuid4())
        make_run(run_id)
        fired = answering(run_id=run_id, status="running")
        page = owner.post(test_fire_url(trigger), {"payload": "1"}).content.decode()
        assert "goes on" in page
        assert "It returned nothing." not in page
        assert run_id in page
        assert [wait_s for _, _, wait_s in fired] == [10]

    def test_what_it_returned_is_a_payload(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        User.objects.get().user_permissions.remove(Permission.objects.get(codename="view_payload"))
        answering(result="secret")
        page = owner.post(test_fire_url(trigger), {"payload": "1"}).content.decode()
        assert "secret" not in page
        assert "You may not view what it returned." in page

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            ('{"name": }', "line 1 column 10"),
            ("{\n  'a': 1}", "line 2 column 3"),
            ('"\\u0000"', "\\u0000"),
            ('"\\ud800"', "not valid JSON"),
            ("[" * 100 + "]" * 100, "nested"),
        ],
    )
    def test_what_is_no_payload_is_refused_beside_the_field(
        self,
        owner: Client,
        trigger: Trigger,
        answering: Callable[..., Fired],
        payload: str,
        reason: str,
    ) -> None:
        fired = answering()
        response = owner.post(test_fire_url(trigger), {"payload": payload}, **PIECE)
        page = response.content.decode()
        assert response.status_code == 400
        assert 'class="errorlist"' in page
        assert escape(reason) in page
        assert (fired, LogEntry.objects.count()) == ([], 0)

    def test_a_payload_that_is_too_long_is_refused(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        fired = answering()
        with override_settings(III_MAX_PAYLOAD_BYTES=10):
            response = owner.post(test_fire_url(trigger), {"payload": '"0123456789"'})
        assert response.status_code == 400
        assert "10 bytes at most" in response.content.decode()
        five_mb = json.dumps("x" * 5_000_000)
        assert owner.post(test_fire_url(trigger), {"payload": five_mb}).status_code == 400
        assert fired == []

    def test_every_fire_is_logged(
        self, owner: Client, trigger: Trigger, answering: Callable[..., Fired]
    ) -> None:
        answering(raises=EngineNotRunning())
        owner.post(test_fire_url(trigger), {"payload": "1"})
        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.user.username) == (str(trigger.pk), "owner")
        assert entry.change_message == "Fired by hand, with a payload."

    def test_triggers_of_workers_and_disabled_ones_fire_too(
        self, owner: Client, answering: Callable[..., Fired]
    ) -> None:
        fired = answering()
        facts = {"trigger_type": "state", "function_id": "f", "source": "worker"}
        owned = Trigger.objects.create(worker=connect_worker(), enabled=False, **facts)
        assert owner.post(test_fire_url(owned), {"payload": "1"}).status_code == 200
        assert len(fired) == 1

    def test_it_needs_the_permission_and_a_post(
        self,
        viewer: Client,
        stranger: Client,
        owner: Client,
        trigger: Trigger,
        answering: Callable[..., Fired],
        grant: Callable[[str, str], None],
    ) -> None:
        fired = answering()
        url = test_fire_url(trigger)
        assert viewer.post(url, {"payload": "1"}).status_code == 403
        assert owner.get(url).status_code == 405
        assert Client().post(url, {"payload": "1"}).status_code == 302
        grant("stranger", "fire_trigger")
        assert stranger.post(url, {"payload": "1"}).status_code == 403
        assert owner.post(f"{LIST}987654/test-fire/", {"payload": "1"}).status_code == 302
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.get(username="owner"))
        assert strict.post(url, {"payload": "1"}).status_code == 403
        assert fired == []
        grant("viewer", "fire_trigger")
        assert viewer.post(url, {"payload": "1"}).status_code == 200
