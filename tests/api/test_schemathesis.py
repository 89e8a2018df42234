"""Whatever the schema allows, and what it forbids, is sent to every operation.

Nothing fails on our side, and every answer is one that the schema promises. ``III_API_EXAMPLES``
sends more of it (5 of each kind to each operation by default; 100 take some minutes).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.db.models import Model
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from rest_framework.authtoken.models import Token
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from iii_triggers.api.openapi import written_schema
from tests.browser.engines import background_engine
from tests.permissions.rows import make_rows

from .calling import API

EXAMPLES = int(os.environ.get("III_API_EXAMPLES", "5"))
SEVERAL = hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
ROWS = {
    "trigger-types": "{triggertype.pk}",
    "triggers": "{trigger.pk}",
    "functions": "{function.function_id}",
    "workers": "{worker.pk}",
    "topics": "{topic.name}",
    "deliveries": "{delivery.pk}",
    "runs": "{invocation.pk}",
}
"""What stands for a row in the paths of each list."""

__all__ = ["background_engine"]

pytestmark = pytest.mark.slow


@pytest.fixture
def rows(transactional_db: None) -> dict[str, Model]:
    return make_rows()


@pytest.fixture
def api(rows: dict[str, Model], settings: Any) -> Any:
    """The schema of a site with some rows, and its application."""
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.III_API_THROTTLES = {"read": "", "write": "", "fire": ""}
    schema = schemathesis.openapi.from_dict({**written_schema(), "servers": [{"url": API}]})
    schema.app = get_wsgi_application()
    return schema


@pytest.fixture
def token(transactional_db: None) -> str:
    return Token.objects.create(user=User.objects.create_superuser("root")).key


def operations(api: Any) -> list[Any]:
    """Return all operations; the rows go last."""
    found = [result.ok() for result in api.get_all_operations()]
    return sorted(found, key=lambda operation: operation.method.upper() == "DELETE")


def send_several(operation: Any, mode: GenerationMode, row: str, token: str) -> None:
    """Send what an operation takes, or does not take, to a row that is there and to others."""

    @SEVERAL
    @given(case=operation.as_strategy(generation_mode=mode), is_there=st.booleans())
    def call(case: Any, is_there: bool) -> None:
        if is_there:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, row)
        case.call_and_validate(headers={"Authorization": f"Token {token}"}, checks=CHECKS)

    call()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_call_fails_on_our_side(
    api: Any, token: str, rows: dict[str, Model], mode: GenerationMode
) -> None:
    for operation in operations(api):
        row = ROWS.get(operation.path.split("/")[1], "").format(**rows)
        # Some operations take nothing that could be wrong.
        with suppress(Unsatisfiable):
            send_several(operation, mode, row, token)
