"""Workers of the newest SDK in a namespace of their own, which they name when they connect."""

from __future__ import annotations

import pytest

from .engines import Engine
from .environments import SDKS
from .eventually import eventually
from .fleet import Fleet
from .workers import CallFailed, Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

NEWEST = next(sdk for sdk in SDKS if sdk.name == "python_0_25")


@pytest.fixture(scope="module")
def resident(fleet: Fleet) -> Worker:
    """A worker in the namespace ``orders`` with a function and a route."""
    resident = fleet.start(NEWEST, name="resident", III_NAMESPACE="orders")
    resident.do("register_function", function_id="orders.greet", behaviour="greet")
    config = {"api_path": "orders/greet", "http_method": "POST"}
    resident.do(
        "register_trigger",
        key="greet",
        trigger_type="http",
        function_id="orders.greet",
        config=config,
    )
    return resident


def test_its_function_is_called_in_its_namespace(resident: Worker) -> None:
    assert resident.call("orders.greet", {"name": "Ada"}) == {"message": "Hello, Ada!"}


def test_its_trigger_leads_to_it(engine: Engine, resident: Worker) -> None:
    answer = eventually(
        lambda: engine.request("POST", "/orders/greet", {"name": "Ada"}), lambda a: a.status == 200
    )
    assert answer.body == {"message": "Hello, Ada!"}


def test_others_do_not_find_it_and_are_told_where_it_is(fleet: Fleet, resident: Worker) -> None:
    assert resident.call("orders.greet", {"name": "Ada"})
    with pytest.raises(CallFailed, match=r"registered in namespace.*: orders") as failed:
        fleet[NEWEST].call("orders.greet", {"name": "Ada"})
    assert failed.value.code == "function_not_found"


def test_it_reaches_the_functions_of_the_engine(resident: Worker) -> None:
    assert "resident" in resident.do("list_workers")
