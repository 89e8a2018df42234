"""Every call of the REST API by everybody: who gets an answer, and who changes something.

tests/api/endpoints.py has a call for every route of the API, which test_endpoints.py makes sure of.
"""

from __future__ import annotations

import re

from django.core.cache import cache
from django.test import Client

from tests.api.calling import send
from tests.api.endpoints import ENDPOINTS, Endpoint

from .api_table import MATRIX
from .cast import ROLES, differences, make_clients
from .rows import Rows, make_rows, put_into_state, undone, written

REFUSED = {401, 403, 404}


def test_every_endpoint_is_in_the_table() -> None:
    assert sorted(MATRIX) == sorted(map(str, ENDPOINTS))


def test_each_may_call_what_the_table_says_and_nothing_else(db: None) -> None:
    cache.clear()
    clients, rows = make_clients(), make_rows()
    known: dict[str, set[str]] = {role: set() for role in ROLES}
    for endpoint in ENDPOINTS:
        put_all_into_state(endpoint, rows)
        for role in ROLES:
            with undone():
                if is_done(clients[role], endpoint, rows):
                    known[role].add(str(endpoint))
    wrong = differences(known, MATRIX)
    assert not wrong, "\n".join(wrong)


def put_all_into_state(endpoint: Endpoint, rows: Rows) -> None:
    """Put the row that is called about into the state in which the call has an effect."""
    found = re.fullmatch(r".*\{(\w+)\.\w+\}/(\w*)/?", endpoint.template)
    if found is not None:
        put_into_state(rows[found[1]], found[2])


def is_done(client: Client, endpoint: Endpoint, rows: Rows) -> bool:
    """Tell whether a call is answered; one that is refused, or only asks, writes nothing."""
    with written() as writes:
        response = send(client, endpoint.method, endpoint.path(rows), endpoint.body)
    is_answered: bool = 200 <= response.status_code < 300
    assert is_answered or response.status_code in REFUSED, (endpoint, response.content)
    assert (writes.rows > 0) == (is_answered and endpoint.method != "GET"), endpoint
    return is_answered
