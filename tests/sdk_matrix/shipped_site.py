"""The site of the matrix, as the tests that source packages ship expect an engine to be set up."""

import os
from typing import Any

from tests.sdk_matrix.site import *  # noqa: F403

III_QUEUES: dict[str, Any] = {name: {} for name in ("test-orders", "test-multi", "test-chain")}
III_WORKER_LISTENERS = [
    {
        "port": int(os.environ["SHIPPED_LISTENER_PORT"]),
        "middleware_function_id": "test::rbac-worker::middleware",
        "rbac": {
            "auth_function_id": "test::rbac-worker::auth",
            "expose_functions": [
                'match("test::ew::public::*")',
                'match("engine::functions::list")',
                {"metadata": {"ew_public": True}},
            ],
            "on_function_registration_function_id": "test::rbac-worker::on-function-reg",
            "on_trigger_type_registration_function_id": "test::rbac-worker::on-trigger-type-reg",
            "on_trigger_registration_function_id": "test::rbac-worker::on-trigger-reg",
        },
    }
]
