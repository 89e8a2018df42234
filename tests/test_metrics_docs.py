"""The page about metrics names what is exported, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from iii_triggers.engine.core import Engine
from iii_triggers.engine.history.counts import OUTCOMES
from iii_triggers.operations.metrics.collector import EngineCollector

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "monitoring.md").read_text()
ROW = re.compile(r"^\| `(iii_\w+)` \|([^|]*)\|", re.MULTILINE)
SUFFIXES = {"counter": "_total", "info": "_info"}
TABLE = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(PAGE)}
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "prometheus" / "alerts.yml").read_text())[
    "groups"
][0]["rules"]


async def test_the_table_has_every_metric_and_no_other(engine: Engine) -> None:
    metrics = await EngineCollector().gather()
    exported = {metric.name + SUFFIXES.get(metric.type, "") for metric in metrics}
    assert set(TABLE) == exported


async def test_the_table_has_the_labels_of_every_metric(engine: Engine) -> None:
    for metric in await EngineCollector().gather():
        for sample in metric.samples:
            labels = set(sample.labels) - {"le"}
            assert labels == TABLE[metric.name + SUFFIXES.get(metric.type, "")], metric.name


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_described(outcome: str) -> None:
    assert f"`{outcome}`" in PAGE


def test_the_scrape_config_is_yaml() -> None:
    [config] = re.findall(r"```yaml\n(scrape_configs:.*?)```", PAGE, flags=re.DOTALL)
    [job] = yaml.safe_load(config)["scrape_configs"]
    assert job["metrics_path"] == "/iii/metrics"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alerts_ask_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    names = re.findall(r"iii_[a-z_]+", rule["expr"])
    assert names
    assert {name.removesuffix("_bucket") for name in names} <= set(TABLE)


def test_queries_of_the_page_ask_for_metrics_that_there_are() -> None:
    [queries] = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    names = re.findall(r"iii_[a-z_]+", queries)
    assert {name.removesuffix("_bucket") for name in names} <= set(TABLE)
