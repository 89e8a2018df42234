"""Settings of a site that calls functions on loopback, and passes telemetry on."""

from __future__ import annotations

import os

from iii_project.settings import *  # noqa: F403

III_HTTP_FUNCTION_ALLOW_PRIVATE = True
III_HTTP_FUNCTION_REQUIRE_HTTPS = False
III_HTTP_FUNCTION_SECRETS = ["OUTBOUND_*"]
III_OTLP_ENDPOINT = os.environ.get("COLLECTOR", "")
