"""Replays from the page of a run: as it was, with an edited input, and who may."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client, override_settings

from iii_triggers.admin import invocation_replays
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.models import Invocation
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import EngineNotRunning
from tests.support.site import declare
from tests.support.threads import in_thread

from . import deliveries
from .runs import LIST, make, page_of, page_url

EVIL = "</textarea><script>alert(1)</script>"

Asked = list[tuple[Invocation, Any]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Have replays answer without an engine: ``answering(status="failed")``."""

    def answering(
        *, raises: Exception | None = None, is_kept: bool = True, **outcome: Any
    ) -> Asked:
        asked: Asked = []

        def start(run: Invocation, data: Any = None, *, wait_s: float) -> RunResult:
            asked.append((run, data))
            if raises is not None:
                raise raises
            new = make(replay_of=run.pk).pk if is_kept else uuid.uuid4()
            return RunResult(**{"run_id": str(new), "status": "succeeded", **outcome})

        monkeypatch.setattr(invocation_replays, "replay", start)
        monkeypatch.setattr(invocation_replays, "replay_edited", start)
        return asked

    return answering


@pytest.fixture
def site() -> SiteFunctions:
    """A site with a function that doubles what it gets."""
    site = SiteFunctions()
    declare(site, "demo.double", lambda given: given * 2)
    return site


@pytest.fixture
def recorded() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


async def test_a_replay_runs_the_function_and_leads_to_the_new_run(
    recorded: None, engine: Engine
) -> None:
    def act() -> tuple[str, str, str]:
        client = Client()
        client.force_login(User.objects.create_superuser("ada", password="secret"))
        run = make(function_id="demo.double", payload={"input": "21"}, status="failed")
        page = _follow(client, page_url(run, "replay"), {})
        return page, _follow(client, page_url(run, "edit"), {"payload": "[1]"}), page_url(run)

    replayed, edited, original_url = await in_thread(act)
    assert "It was run again; this is the new run." in replayed
    assert '<pre class="iii-json">42</pre>' in replayed
    assert original_url in replayed
    assert "[\n  1,\n  1\n]" in edited


def _follow(client: Client, url: str, data: dict[str, str]) -> str:
    response = client.post(url, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_a_replay_is_logged_with_the_run_that_is_repeated(
    owner: Client, answering: Callable[..., Asked]
) -> None:
    asked = answering()
    run = make(payload={"input": "1"})
    response = owner.post(page_url(run, "replay"))
    new = Invocation.objects.get(replay_of=run.pk)
    assert (response.status_code, response["Location"]) == (302, page_url(new))
    assert [row.pk for row, _ in asked] == [run.pk]
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(run.pk), "Replayed.")
    assert "Replayed." in owner.get(page_url(run, "history")).content.decode()


def test_a_run_that_the_history_does_not_keep_is_told_of(
    owner: Client, answering: Callable[..., Asked]
) -> None:
    answering(is_kept=False, status="failed", error_code="E1", error=EVIL)
    run = make()
    response = owner.post(page_url(run, "replay"), follow=True)
    assert response.redirect_chain == [(page_url(run), 302)]
    page = response.content.decode()
    assert "It was run again: failed (E1: &lt;/textarea&gt;" in page
    assert EVIL not in page


@pytest.mark.parametrize("part", ["replay", "edit"])
def test_an_engine_that_is_away_is_told_of(
    owner: Client, answering: Callable[..., Asked], part: str
) -> None:
    answering(raises=EngineNotRunning())
    page = owner.post(page_url(make(), part), {"payload": "1"}, follow=True).content.decode()
    assert "The engine of this process is not running." in page


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"input": '{"a', "input_cut": True}, "Its input was too long to be kept whole."),
        ({"input": '"[redacted]"', "redacted": True}, "Secrets were left out of its input."),
        (None, "Its input was not kept."),
    ],
)
def test_what_was_not_kept_whole_is_completed_by_hand(
    owner: Client, payload: dict[str, Any] | None, reason: str
) -> None:
    run = make(payload=payload)
    assert reason in owner.post(page_url(run, "replay"), follow=True).content.decode()
    page = owner.get(page_url(run, "edit")).content.decode()
    assert reason in page and "Complete it" in page
    if payload is not None:
        assert payload["input"].replace('"', "&quot;") in page


def test_the_input_is_there_to_be_edited(owner: Client) -> None:
    run = make(payload={"input": '{"name":"Ada"}'})
    page = owner.get(page_url(run, "edit")).content.decode()
    assert "{\n  &quot;name&quot;: &quot;Ada&quot;\n}" in page
    attempt = make(
        delivery_id=deliveries.make(payload='{"whole": 1}').pk,
        payload={"input": '{"who', "input_cut": True},
    )
    page = owner.get(page_url(attempt, "edit")).content.decode()
    assert "&quot;whole&quot;: 1" in page and "Complete it" not in page


def test_a_long_input_is_not_put_into_a_text_area(owner: Client) -> None:
    run = make(payload={"input": '"' + "x" * 200_000 + '"'})
    page = owner.get(page_url(run, "edit")).content.decode()
    assert "Its input is too long to be edited here." in page
    assert len(page) < 100_000


def test_an_edited_input_is_handed_over(owner: Client, answering: Callable[..., Asked]) -> None:
    asked = answering()
    run = make(payload={"input": "1"})
    response = owner.post(page_url(run, "edit"), {"payload": ' {"n": [2]}\n'})
    assert response["Location"] == page_url(Invocation.objects.get(replay_of=run.pk))
    assert [data for _, data in asked] == [{"n": [2]}]
    assert LogEntry.objects.get().change_message == "Replayed with an edited input."


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ('{"a": 1,\n "b" 2}', "line 2 column 6"),
        (EVIL, "This is not valid JSON"),
        ("[" * 100 + "]" * 100, "nested"),
        ('"\\u0000"', "must not contain the character"),
        ('"\0"', "This is not valid JSON"),
        ("x" * 20_000, "This is not valid JSON"),
    ],
)
def test_an_input_that_cannot_be_is_refused_beside_the_field(
    owner: Client, answering: Callable[..., Asked], payload: str, told: str
) -> None:
    asked = answering()
    response = owner.post(page_url(make(), "edit"), {"payload": payload})
    page = response.content.decode()
    assert response.status_code == 400
    assert told in page.split("errorlist")[1].split("</ul>")[0]
    assert payload.split("\0")[0][:20].replace('"', "&quot;").replace("<", "&lt;")[:8] in page
    assert EVIL not in page
    assert asked == [] and not LogEntry.objects.exists()


def test_an_input_over_the_limit_is_refused(owner: Client, answering: Callable[..., Asked]) -> None:
    asked = answering()
    with override_settings(III_MAX_PAYLOAD_BYTES=10):
        response = owner.post(page_url(make(), "edit"), {"payload": '"' + "x" * 20 + '"'})
    assert response.status_code == 400 and asked == []


def test_who_may_only_view_cannot_replay_by_crafted_post(
    viewer: Client, answering: Callable[..., Asked], grant: Any
) -> None:
    asked = answering()
    run = make(payload={"input": '"hush"'})
    for part in ("replay", "edit"):
        assert viewer.post(page_url(run, part), {"payload": "1"}).status_code == 403
        assert page_url(run, part) not in page_of(viewer, run)
    grant("viewer", "replay_invocation")
    page = page_of(viewer, run)
    assert page_url(run, "replay") in page and page_url(run, "edit") not in page
    assert viewer.get(page_url(run, "edit")).status_code == 403
    assert viewer.post(page_url(run, "edit"), {"payload": "1"}).status_code == 403
    assert asked == []
    assert viewer.post(page_url(run, "replay")).status_code == 302
    assert len(asked) == 1


def test_a_button_is_pressed_not_visited_and_needs_its_csrf_token(
    owner: Client, answering: Callable[..., Asked]
) -> None:
    asked = answering()
    run = make()
    assert owner.get(page_url(run, "replay")).status_code == 405
    assert owner.put(page_url(run, "edit")).status_code == 405
    owner.handler.enforce_csrf_checks = True
    for part in ("replay", "edit"):
        assert owner.post(page_url(run, part), {"payload": "1"}).status_code == 403
    assert asked == []


def test_a_run_that_is_gone_is_not_found(owner: Client, answering: Callable[..., Asked]) -> None:
    asked = answering()
    for part in ("replay", "edit"):
        assert owner.post(f"{LIST}{uuid.uuid4()}/{part}/", {"payload": "1"}).status_code == 404
    assert asked == [] and not LogEntry.objects.exists()
