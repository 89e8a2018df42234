"""The dashboard shows each person what they may see, and reads little for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin import site as default_site
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import path
from django.utils import timezone

from iii_triggers.models import Dashboard, Delivery, Node, Trigger, TriggerType, Worker
from tests.support.history import count_runs, make_run

from .conftest import looking, staff
from .deliveries import make as make_delivery

PAGE = "/admin/iii_triggers/dashboard/"
LIVE = PAGE + "live/"
EVIL = "<script>alert(1)</script>"

PANELS = {
    "invocation": {"iii-tiles-invocation", "iii-plots", "iii-failures"},
    "delivery": {"iii-tiles-delivery"},
    "trigger": {"iii-tiles-trigger", "iii-firings"},
    "worker": {"iii-tiles-worker", "iii-workers"},
    "node": {"iii-tiles-node", "iii-processes"},
}


def text_of(client: Client, url: str = LIVE) -> str:
    response = client.get(url)
    assert response.status_code == 200, response
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def ids(client: Client) -> set[str]:
    return set(re.findall(r'id="(iii-[a-z-]+)"', client.get(LIVE).content.decode()))


def tiles(client: Client, url: str = LIVE) -> dict[str, str]:
    page = client.get(url).content.decode()
    found = re.findall(r'tile-value">(.*?)</span>\s*<span class="iii-tile-label">(.*?)<', page)
    return {label: re.sub("<[^>]*>", "", value) for value, label in found}


def make_cron() -> Trigger:
    trigger = Trigger.objects.create(
        trigger_type="cron",
        function_id="reports.daily",
        config={"schedule": "0 9 * * *"},
        state="active",
    )
    due = timezone.now() + timedelta(minutes=5, seconds=30)
    Trigger.objects.filter(pk=trigger.pk).update(next_fire_at=due)
    return trigger


class OtherSite:
    """URLs of a site whose admin has another name, and not the pages of every model."""

    site = AdminSite(name="backstage")
    for model in (Dashboard, Delivery, Trigger, TriggerType):
        site.register(model, type(default_site.get_model_admin(model)))
    urlpatterns = [path("backstage/", site.urls)]


@pytest.fixture
def busy(make_worker: Callable[[], Worker], db: None) -> None:
    """Something for every panel."""
    count_runs(30, ms=10)
    count_runs(10, type_id="cron", ms=1000, failed=True)
    make_run(status="failed", function_id="orders.total", error="Out of stock.")
    for state in ("queued", "retry", "retry", "held", "dead", "leased"):
        make_delivery(state=state)
    make_worker()
    make_cron()


@pytest.mark.parametrize("model", PANELS)
def test_each_panel_needs_the_permission_of_what_it_shows(busy: None, model: str) -> None:
    client = staff("one", list(Permission.objects.filter(codename=f"view_{model}")))
    expected = PANELS[model]
    everything = set().union(*PANELS.values())
    assert ids(client) & everything == expected
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("model", PANELS)
def test_without_a_permission_its_panel_is_missing(busy: None, model: str) -> None:
    client = staff("one", list(looking().exclude(codename=f"view_{model}")))
    assert not ids(client) & PANELS[model]


def test_a_stranger_is_refused_and_sees_no_link(stranger: Client, busy: None) -> None:
    assert [stranger.get(url).status_code for url in (PAGE, LIVE)] == [403, 403]
    assert PAGE not in stranger.get("/admin/").content.decode()


def test_who_is_not_logged_in_is_sent_to_the_login(busy: None) -> None:
    for url in (PAGE, LIVE):
        response = Client().get(url)
        assert response.status_code == 302
        assert "/admin/login/" in response["location"]


def test_it_can_only_be_looked_at(owner: Client) -> None:
    for page in ("add/", "1/change/", "1/delete/", "1/history/"):
        assert owner.get(PAGE + page).status_code == 404


def test_the_index_of_the_app_leads_to_it(viewer: Client, stranger: Client) -> None:
    page = viewer.get("/admin/iii_triggers/").content.decode()
    assert re.search(rf'class="button" href="{PAGE}">Open the dashboard<', page)
    assert f'href="{PAGE}"' in viewer.get("/admin/").content.decode()


def test_numbers_of_everything_are_in_large_print(viewer: Client, busy: None) -> None:
    Worker.objects.update(in_flight=4)
    shown = tiles(viewer)
    assert (shown["runs"], shown["failed"]) == ("40", "25%")
    assert shown["p95"].endswith(" ms") or shown["p95"].endswith(" s")
    deliveries = [shown[name] for name in ("waiting", "running", "to be retried", "held", "dead")]
    assert deliveries == ["1", "1", "2", "1", "1"]
    assert (shown["workers"], shown["in flight"], shown["active triggers"]) == ("1", "4", "1")


def test_every_link_leads_somewhere(owner: Client, busy: None) -> None:
    links = set(re.findall(r'href="(/admin/[^"]*)"', owner.get(LIVE).content.decode()))
    assert len(links) >= 13
    for link in links:
        response = owner.get(unescape(link))
        assert response.status_code == 200, link


def test_a_link_of_a_number_leads_to_what_it_counts(owner: Client, busy: None) -> None:
    page = owner.get(LIVE).content.decode()
    (url,) = re.findall(r'href="([^"]*state=dead[^"]*)"', page)
    assert list(owner.get(url).context["cl"].result_list) == [Delivery.objects.get(state="dead")]


def test_the_day_shows_what_the_hour_does_not(viewer: Client) -> None:
    count_runs(7, at=timezone.now() - timedelta(hours=5))
    assert tiles(viewer)["runs"] == "0"
    assert tiles(viewer, LIVE + "?span=day")["runs"] == "7"
    page = viewer.get(PAGE + "?span=day").content.decode()
    assert f'data-url="{LIVE}?span=day"' in page
    assert re.search(r'\?span=day" aria-current="page"', page)


@pytest.mark.parametrize("span", [EVIL, "", "\0", "week", "\ud800"])
def test_any_other_span_is_the_hour(viewer: Client, span: str) -> None:
    count_runs(7, at=timezone.now() - timedelta(hours=5))
    response = viewer.get(PAGE, {"span": span.encode(errors="surrogatepass")})
    assert (response.status_code, response.context["span"]) == (200, "hour")
    assert EVIL not in response.content.decode()


def test_each_trigger_type_has_a_line_and_the_least_busy_share_one(viewer: Client) -> None:
    for number in range(9):
        count_runs(number + 1, type_id=f"type-{number}")
    rate, _errors, p50, _p95 = viewer.get(LIVE).context["panels"]["invocation"].plots
    assert [line.name for line in rate.lines] == [f"type-{n}" for n in range(3, 9)] + ["others"]
    assert len(p50.lines) == 6
    assert rate.lines[-1].overall not in ("0", "—")


def test_the_next_firings_are_told_in_words(viewer: Client, busy: None) -> None:
    shown = text_of(viewer)
    assert "in 5 min" in shown
    assert "At 09:00, every day" in shown


def test_a_trigger_whose_config_is_no_schedule_breaks_nothing(viewer: Client) -> None:
    Trigger.objects.filter(pk=make_cron().pk).update(config=["x"])
    assert "reports.daily" in text_of(viewer)


def test_problems_are_told_to_those_who_may_see_them(viewer: Client, busy: None) -> None:
    Trigger.objects.create(trigger_type="http", function_id="f", state="rejected")
    Node.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=3))
    shown = text_of(viewer)
    for told in ("No engine is running", "1 delivery is dead", "1 trigger is rejected", "silent"):
        assert told in shown
    client = staff("one", list(Permission.objects.filter(codename="view_trigger")))
    assert "dead" not in text_of(client)
    assert "No engine" not in text_of(client)


def test_a_history_that_is_off_is_told(viewer: Client, trigger: Trigger) -> None:
    shown = text_of(viewer)
    assert "The history is off" in shown
    assert "Nothing ran" not in shown


def test_who_has_no_runs_yet_is_told_what_to_do(
    viewer: Client, trigger: Trigger, grant: Callable[[str, str], None], settings: Any
) -> None:
    settings.III_HISTORY = "all"
    assert "curl -X POST" in text_of(viewer)
    assert "iii-plots" not in ids(viewer)
    trigger.delete()
    assert "no HTTP trigger is active" in text_of(viewer)
    assert "Add a trigger" not in text_of(viewer)
    grant("viewer", "add_trigger")
    assert "Add a trigger" in text_of(viewer)
    count_runs()
    assert "no HTTP trigger is active" not in text_of(viewer)


def test_markup_in_names_is_text(viewer: Client, busy: None) -> None:
    make_run(status="failed", function_id=EVIL, trigger_type=EVIL, error=EVIL * 9, error_code=EVIL)
    count_runs(type_id=EVIL)
    Worker.objects.update(name=EVIL, runtime=EVIL, version=EVIL)
    Node.objects.update(host=EVIL)
    Trigger.objects.update(function_id=EVIL)
    page = viewer.get(PAGE).content.decode()
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 8


def test_nothing_is_inline(viewer: Client, busy: None) -> None:
    page = viewer.get(PAGE).content.decode()
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|<style", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_any_site_of_the_admin_can_have_it(viewer: Client, busy: None, settings: Any) -> None:
    settings.ROOT_URLCONF = OtherSite
    page = viewer.get("/backstage/iii_triggers/dashboard/").content.decode()
    assert 'data-url="/backstage/iii_triggers/dashboard/live/?span=hour"' in page
    assert "/backstage/iii_triggers/delivery/?state=dead" in page
    assert "iii-tiles-worker" not in page, "it links to pages that are not there"


def test_the_number_of_queries_does_not_depend_on_the_rows(
    viewer: Client,
    busy: None,
    make_worker: Callable[[], Worker],
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(20):
        make_worker()
        make_cron()
        make_delivery(state="dead")
        make_run(status="failed", function_id=f"f{number}")
        count_runs(type_id=f"type-{number}")
    for url in (PAGE, LIVE, PAGE + "?span=day"):
        with django_assert_max_num_queries(12):
            assert viewer.get(url).status_code == 200
