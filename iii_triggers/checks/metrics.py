"""Checks of the metrics: W017."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name

from iii_triggers.conf import settings


def check_metrics(**_kwargs: Any) -> list[CheckMessage]:
    """Check that metrics that Prometheus is to read can be written."""
    if not settings.III_METRICS_TOKEN or find_spec("prometheus_client"):
        return []
    return [
        Warning(
            "III_METRICS_TOKEN is set, and /iii/metrics answers 501: prometheus_client is missing.",
            hint="pip install 'iii-triggers[metrics]'",
            id="iii_triggers.W017",
        )
    ]
