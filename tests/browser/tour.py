"""Makes the pictures of the README anew (``make screenshots``), from a shop that had a busy hour.

What is pictured is real: an engine, a worker, requests and messages. Only the hour before they
came is made up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iii_triggers.sdk import Client, init
from tests.e2e.engines import Engine
from tests.e2e.environments import REPOSITORY
from tests.e2e.eventually import eventually

from .browsing import log_in, open_page

IMAGES = REPOSITORY / "docs" / "images"
WIDTH, HEIGHT = 1280, 800
ADMIN = "/admin/iii_triggers"
CUSTOMERS = ["Ada", "Grace", "Alan", "Barbara", "Edsger", "Katherine", "Donald", "Radia"]
HOUR = """
import random
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from iii_triggers.models import Trigger
from tests.support.history import count_runs

User.objects.create_superuser("ada", password="secret")
config = {"schedule": "*/10 * * * *", "timezone": "Europe/Rome"}
Trigger.objects.create(
    trigger_id="stock", trigger_type="cron", function_id="stock.sync", config=config, source="admin"
)
random.seed(7)
for minutes in range(1, 60):
    at = timezone.now() - timedelta(minutes=minutes)
    busy = 60 + 25 * ((minutes // 12) % 3) + random.randint(0, 12)
    count_runs(busy, ms=4, at=at)
    count_runs(busy // 6, ms=18, at=at)
    count_runs(busy // 3, type_id="queue", ms=35, at=at)
    count_runs(busy // 12, type_id="queue", ms=160, at=at)
    if 18 <= minutes <= 23:
        count_runs(busy // 9, failed=True, ms=9, at=at)
    if minutes % 10 == 0:
        count_runs(1, type_id="cron", ms=420, at=at)
"""


class Shop:
    """The functions of the worker; its bank refuses large orders."""

    def __init__(self) -> None:
        self.orders = 1040

    def create(self, order: Any) -> Any:
        """Take an order."""
        self.orders += 1
        if order.get("total", 0) > 500:
            raise ValueError("The card was declined: the limit is 500.00 EUR.")
        return {"status_code": 201, "body": {"order": self.orders, "for": order.get("name")}}

    def charge(self, order: Any) -> str:
        """Take the money."""
        if order["total"] > 500:
            raise ConnectionError("bank.example did not answer within 5 s.")
        return "paid"

    def mail(self, order: Any) -> str:
        """Say thank you."""
        return f"sent to {order['name']}"

    def sync(self, firing: Any) -> Any:
        """Count what is in stock."""
        return {"articles": 318, "changed": 4}


def open_shop(client: Client, shop: Shop) -> None:
    """Offer the functions of the shop, and say what triggers them."""
    functions = {"orders.create": shop.create, "orders.charge": shop.charge}
    functions |= {"mails.send": shop.mail, "stock.sync": shop.sync}
    for name, run in functions.items():
        client.register_function(name, run)
    http = {"api_path": "orders", "http_method": "POST"}
    client.register_trigger(type="http", function_id="orders.create", config=http)
    for name in ("orders.charge", "mails.send"):
        queue = {"topic": "orders.created", "queue_config": {"maxRetries": 1, "backoffDelayMs": 50}}
        client.register_trigger(type="queue", function_id=name, config=queue)


def be_busy(engine: Engine, client: Client) -> None:
    """Send orders, once the route is there; one of them is too large."""
    first = {"name": "Ada", "total": 12.5}
    eventually(lambda: engine.request("POST", "/orders", first).status, lambda found: found == 201)
    for number, name in enumerate(CUSTOMERS * 3):
        order = {"name": name, "total": 540.0 if number == 20 else 19.9 + 7 * number}
        engine.request("POST", "/orders", order)
        message = {"topic": "orders.created", "data": {"order": 1041 + number, **order}}
        client.call("iii::durable::publish", message)


@contextmanager
def running(folder: Path) -> Iterator[tuple[Engine, Client]]:
    """Run the site and its worker."""
    engine = Engine(server="auto", folder=folder / "state")
    engine.manage("shell", "--no-imports", "-c", HOUR)
    try:
        engine.start()
        with init(engine.worker_url, name="shop-1") as client:
            yield engine, client
    finally:
        for run in engine.runs:
            run.kill()


class Tour:
    """Walks through the admin with a camera."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url

    def shoot(self, name: str, *, height: int = HEIGHT) -> None:
        """Take what is visible in a window of a height."""
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.screenshot(path=IMAGES / f"{name}.png")

    def see(self, path: str) -> None:
        """Open a page of the app."""
        self.page.goto(f"{self.url}{ADMIN}/{path}")

    def add_trigger(self) -> None:
        """Fill in the form of an HTTP trigger."""
        self.see("trigger/add/?trigger_type=http")
        self.page.fill("#id_function_id", "orders.create")
        self.page.fill("[name='config.api_path']", "shop/orders")
        self.page.select_option("[name='config.http_method']", label="POST")
        self.shoot("add-trigger", height=720)
        self.page.click("input[name=_continue]")

    def test_fire(self) -> None:
        """Try it."""
        self.page.click(".iii-firing summary")
        self.page.fill(".iii-firing textarea", '{\n  "name": "Ada",\n  "total": 59.9\n}')
        self.page.click(".iii-firing button[type=submit]")
        self.page.wait_for_selector(".iii-firing .iii-answer")
        self.shoot("test-fire", height=720)

    def look_into_a_failure(self) -> None:
        """From the list of what failed to one run."""
        self.see("invocation/?status=failed&function=orders.create")
        self.page.click("#result_list tbody tr:first-child th a")
        self.shoot("run", height=900)

    def find_the_dead(self) -> None:
        """From the list of the dead to one delivery."""
        listed = "delivery/?state=dead"
        eventually(lambda: self._is_listed(listed), bool)
        self.page.click("#result_list tbody tr:first-child th a")
        self.shoot("dead-delivery", height=720)

    def _is_listed(self, path: str) -> bool:
        self.see(path)
        return bool(self.page.locator("#result_list tbody tr").count())


def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (engine, client):
        open_shop(client, Shop())
        be_busy(engine, client)
        with open_page(width=WIDTH, height=HEIGHT) as page:
            # The side bar of the admin would take a quarter of each picture.
            page.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
            tour = Tour(page, f"http://127.0.0.1:{engine.site_port}")
            log_in(page, tour.url)
            tour.add_trigger()
            tour.test_fire()
            tour.look_into_a_failure()
            tour.find_the_dead()
            tour.see("dashboard/")
            tour.shoot("dashboard", height=810)


if __name__ == "__main__":
    main()
