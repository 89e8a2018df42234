"""Metrics read the way Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families


def values(metrics: Iterable[Metric], name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a sample by its labels, in the order of the labels' names."""
    return {
        tuple(label for _, label in sorted(sample.labels.items())): sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.name == name
    }


def parsed(text: str) -> list[Metric]:
    """Return the metrics of a page."""
    return list(text_string_to_metric_families(text))
