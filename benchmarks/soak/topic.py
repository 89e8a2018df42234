"""The topic that numbers are published to."""

from __future__ import annotations

TOPIC = "soak.numbers"
