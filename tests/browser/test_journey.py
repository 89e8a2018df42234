"""A person runs a site from its admin, beside a real engine: with the mouse, and by keyboard only.

Nothing on the way may need inline code or make the browser complain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from iii_triggers.sdk import Client, init
from tests.e2e.engines import Engine
from tests.e2e.eventually import eventually

from .browsing import MARKS, SIZES, forbid_inline_code, open_page
from .hands import Keyboard, Mouse
from .screenshots import shoot

pytestmark = [*MARKS, pytest.mark.timeout(300)]

ADMIN = "/admin/iii_triggers"
CREATE_ADA = """
from django.contrib.auth.models import User
User.objects.create_superuser("ada", password="secret")
"""


class Till:
    """A function that fails until the till is open."""

    def __init__(self) -> None:
        self.is_open = False

    def charge(self, order: Any) -> str:
        if not self.is_open:
            raise RuntimeError("The till is closed.")
        return f"Order {order['id']} is paid."


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo site, with somebody who may log in."""
    engine = Engine(server="uvicorn", folder=tmp_path_factory.mktemp("journey") / "state")
    engine.manage("shell", "--no-imports", "-c", CREATE_ADA)
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def worker(engine: Engine, till: Till) -> Iterator[Client]:
    """A worker with a function that subscribes to a topic, and one attempt for each message."""
    with init(engine.worker_url) as client:
        client.register_function("shop.charge", till.charge)
        config = {"topic": "payments", "queue_config": {"maxRetries": 0}}
        client.register_trigger(type="queue", function_id="shop.charge", config=config)
        yield client


class Journey:
    """One person at one page."""

    def __init__(self, page: Any, hand: Mouse, engine: Engine) -> None:
        self.page = page
        self.hand = hand
        self.engine = engine
        self.url = f"http://127.0.0.1:{engine.site_port}"
        self.name = type(hand).__name__.lower()

    def look(self, name: str) -> None:
        """Keep a picture of the page; one of the two journeys is enough."""
        if type(self.hand) is Mouse:
            shoot(self.page, f"journey-{name}")

    def go(self, model: str) -> None:
        """Go to a list by the index of the admin."""
        self.page.goto(f"{self.url}/admin/")
        self.hand.follow(f'#content-main a[href="{ADMIN}/{model}/"]')

    def log_in(self) -> None:
        self.page.goto(f"{self.url}/admin/")
        self.hand.write("#id_username", "ada")
        self.hand.write("#id_password", "secret")
        self.hand.follow("input[type=submit]")
        self.look("index")

    def make_trigger(self) -> None:
        self.go("trigger")
        self.hand.follow(".object-tools a.addlink")
        self.hand.choose("#id_trigger_type", "http")
        self.page.wait_for_selector("[name='config.api_path']")
        self.hand.write("#id_function_id", "greet")
        self.hand.write("[name='config.api_path']", self.name)
        self.hand.choose("[name='config.http_method']", "POST")
        self.look("add-trigger")
        self.hand.follow("input[name=_continue]")
        assert f"/{self.name}" in self.page.inner_text(".iii-addresses pre >> nth=0")
        self.look("trigger")

    def call(self, path: str, status: int) -> Any:
        """Call the trigger as another program would, until the engine knows what was saved."""
        body = {"name": "Ada"}
        answer = eventually(
            lambda: self.engine.request("POST", f"/{path}", body),
            lambda found: found.status == status,
        )
        return answer.body

    def see_run(self) -> None:
        self.go("invocation")
        eventually(self._reloaded, lambda text: "greet" in text and "succeeded" in text)
        self.look("runs")
        self.hand.follow("#result_list tbody tr:first-child th a")
        assert "Hello, Ada!" in self.page.inner_text(".iii-payload >> nth=1")
        self.look("run")

    def replay(self) -> None:
        self.hand.follow(".iii-verbs form button")
        assert "this is the new run" in self.page.inner_text(".messagelist")
        self.hand.follow(".iii-verbs a.iii-edit")
        edited = self.page.input_value("textarea").replace("Ada", "Grace")
        self.hand.write("textarea", edited)
        self.look("edit-and-replay")
        self.hand.follow(".submit-row input[type=submit]")
        assert "Hello, Grace!" in self.page.inner_text(".iii-payload >> nth=1")
        self.look("replayed-run")

    def test_fire(self) -> None:
        self.hand.follow(".field-trigger a")
        self.hand.press(".iii-firing summary")
        assert '"name": "Grace"' in self.page.input_value(".iii-firing textarea")
        self.hand.press(".iii-firing button[type=submit]")
        self.page.wait_for_selector(".iii-firing .iii-answer")
        assert "Hello, Grace!" in self.page.inner_text(".iii-firing pre")
        self.look("test-fire")

    def edit(self) -> None:
        self.hand.write("[name='config.api_path']", f"{self.name}-new")
        self.hand.follow("input[name=_continue]")
        assert f"/{self.name}-new" in self.page.inner_text(".iii-addresses pre >> nth=0")

    def disable(self) -> None:
        self.hand.switch("#id_enabled")
        self.hand.follow("input[name=_save]")
        self.look("triggers")

    def redrive(self) -> None:
        self.go("delivery")
        eventually(self._reloaded, lambda text: "dead" in text)
        self.look("deliveries")
        self.hand.follow("#result_list tbody tr:first-child th a")
        assert "The till is closed." in self.page.inner_text(".field-full_error")
        self.look("dead-delivery")

    def see_it_paid(self) -> None:
        self.hand.follow('.iii-verbs form[action$="/redrive/"] button')
        assert "1 delivery is tried again." in self.page.inner_text(".messagelist")
        eventually(self._reloaded, lambda text: "succeeded" in text)

    def see_dashboard(self) -> None:
        self.go("dashboard")
        assert "shop.charge" in self._reloaded()
        self.look("dashboard")

    def _reloaded(self) -> str:
        self.page.reload()
        return str(self.page.inner_text("#content"))


@pytest.mark.parametrize("hand", [Mouse, Keyboard])
def test_a_site_is_run_from_its_admin(
    engine: Engine, worker: Client, till: Till, hand: type[Mouse]
) -> None:
    width, height = SIZES["desktop"]
    with open_page(width=width, height=height) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        forbid_inline_code(page)
        journey = Journey(page, hand(page), engine)
        walk(journey, worker, till)
        assert [text for text in complaints if text.startswith("error")] == []


def walk(journey: Journey, worker: Client, till: Till) -> None:
    """Go all the way."""
    journey.log_in()
    journey.make_trigger()
    assert journey.call(journey.name, 200) == {"message": "Hello, Ada!"}
    journey.see_run()
    journey.replay()
    journey.test_fire()
    journey.edit()
    journey.call(f"{journey.name}-new", 200)
    journey.disable()
    journey.call(f"{journey.name}-new", 404)
    worker.call("iii::durable::publish", {"topic": "payments", "data": {"id": 7}})
    journey.redrive()
    till.is_open = True
    journey.see_it_paid()
    journey.see_dashboard()
