"""A person looks into a message that failed three times, and runs it again in a real browser."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from iii_triggers.delivery import create
from iii_triggers.delivery.execution import run_delivery
from iii_triggers.models import Delivery, Invocation
from tests.admin.deliveries import make
from tests.admin.runs import LIST, page_url
from tests.admin.runs import make as make_run
from tests.support.ledger import Messages, close_batchers
from tests.support.threads import Aside

from .browsing import MARKS, SIZES, assert_fits, follow, forbid_inline_code, log_in, open_page
from .engines import background_engine

__all__ = ["background_engine", "close_batchers"]

pytestmark = [*MARKS, pytest.mark.django_db(transaction=True)]

ONCE_AGAIN = ".iii-verbs button:text-is('Replay')"


@pytest.fixture
def failed(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    """A message without a name: the function that greets fails three times."""
    monkeypatch.setattr(create, "sender", Messages())
    User.objects.create_superuser("ada", password="secret")
    policy = {"max_attempts": 3, "backoff_ms": 1, "backoff_type": "fixed"}
    delivery = make(function_id="greet", payload='{"nom": "Grace"}', policy=policy)
    for _ in range(3):
        Delivery.objects.update(run_at=timezone.now())
        assert run_delivery(str(delivery.pk))
    return delivery


@pytest.mark.parametrize("size", SIZES)
def test_a_failed_message_is_looked_into_and_repaired(
    live_server: Any, failed: Delivery, size: str
) -> None:
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme="dark") as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        look_into(page, live_server.url, failed)
        replay(page)
        repair(page)
        replay_all(page, live_server.url)
    assert Delivery.objects.exclude(pk=failed.pk).count() == 4


def look_into(page: Any, url: str, delivery: Delivery) -> None:
    """Find the last attempt of the delivery, from its page."""
    page.goto(f"{url}/admin/iii_triggers/delivery/{delivery.pk}/change/")
    follow(page, ".object-tools a:text-is('Runs of this delivery')")
    assert page.locator("#result_list tbody tr").count() == 3
    assert "name" in page.inner_text("#result_list tbody tr >> nth=0 >> .field-function_and_error")
    assert_fits(page)
    follow(page, "#result_list tbody tr >> nth=0 >> th a")
    assert page.locator(".iii-attempts tbody tr").count() == 3
    boxes = [bar.bounding_box() for bar in page.locator(".iii-attempts .iii-bar").all()]
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    assert all(box["width"] >= 1 for box in boxes)
    assert '"nom": "Grace"' in page.inner_text(".iii-payload >> nth=0")
    assert "name" in page.inner_text(".field-full_error pre")
    assert_fits(page)


def replay(page: Any) -> None:
    """Try it once more as it is: that fails as well."""
    follow(page, ONCE_AGAIN)
    assert "this is the new run" in page.inner_text(".messagelist")
    assert page.locator(".iii-badge").first.inner_text().split()[-1] == "failed"
    follow(page, ".field-original a")
    assert page.locator(".field-replays a").count() == 1


def repair(page: Any) -> None:
    """Mistype the input, then get it right."""
    follow(page, ".iii-verbs a.iii-edit")
    page.fill("textarea", '{"name": Grace}')
    follow(page, ".submit-row input[type=submit]")
    assert "line 1 column 10" in page.inner_text(".errorlist")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.fill("textarea", page.input_value("textarea").replace("Grace", '"Grace"'))
    follow(page, ".submit-row input[type=submit]")
    assert page.locator(".iii-badge").first.inner_text().split()[-1] == "succeeded"
    assert "Hello, Grace!" in page.inner_text(".iii-payload >> nth=1")


def replay_all(page: Any, url: str) -> None:
    """Replay all that failed from the list."""
    page.goto(f"{url}{LIST}?status=failed")
    page.click("#action-toggle")
    page.select_option("select[name=action]", "replay_runs")
    follow(page, ".actions button")
    assert "greet: 4" in page.inner_text("#content")
    follow(page, "input[type=submit][value^=Yes]")
    assert "4 runs are queued again." in page.inner_text(".messagelist")


def test_who_reads_the_attempts_stays_there_while_the_run_goes_on(
    live_server: Any, transactional_db: None
) -> None:
    User.objects.create_superuser("ada", password="secret")
    first = make_run(status="failed", delivery_id=uuid.uuid4())
    run = make_run(status="running", duration_ms=None, delivery_id=first.delivery_id, attempt=2)
    with open_page(width=390, height=800) as page:
        log_in(page, live_server.url)
        page.goto(live_server.url + page_url(run))
        # A site that is started anew is asked again.
        page.route("**/live/", lambda route: route.fulfill(status=503), times=1)
        page.focus(".iii-attempts a")
        page.evaluate("document.querySelector('.iii-scroll').scrollLeft = 40")
        page.evaluate("document.querySelector('#iii-run-live').dataset.isOld = 'yes'")
        page.wait_for_selector("#iii-run-live:not([data-is-old]) a:focus")
        assert page.evaluate("document.querySelector('.iii-scroll').scrollLeft") == 40


def test_the_page_of_a_run_tells_by_itself_when_it_has_ended(
    live_server: Any, transactional_db: None
) -> None:
    User.objects.create_superuser("ada", password="secret")
    run = make_run(status="running", duration_ms=None)
    aside = Aside()
    with open_page(width=1280, height=800) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(live_server.url + page_url(run))
        with page.expect_response(lambda response: response.url.endswith("/live/")):
            assert "running" in page.inner_text(".iii-still-running")
        ended = {"status": "succeeded", "duration_ms": 1500.0}
        aside.start(lambda: Invocation.objects.update(**ended)).result()
        page.wait_for_selector("fieldset .iii-badge.iii-succeeded")
        assert page.locator("#iii-run-live").count() == 0
    aside.close()
