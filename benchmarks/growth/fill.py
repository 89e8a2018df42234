"""Stores HTTP triggers in the database of a site: ``python -m benchmarks.growth.fill 10000``."""

from __future__ import annotations

import sys

import django

from .plan import path_of


def fill(count: int) -> None:
    """Store triggers as saves in the admin leave them, once an engine has seen them."""
    from iii_triggers.models import Trigger

    Trigger.objects.bulk_create(
        [
            Trigger(
                trigger_id=f"grown-{number}",
                trigger_type="http",
                function_id="bench.local",
                source=Trigger.Source.ADMIN,
                state=Trigger.State.ACTIVE,
                config={"api_path": path_of(number), "http_method": "POST"},
            )
            for number in range(count)
        ],
        batch_size=500,
    )


def main() -> None:
    """Store as many as the first argument says."""
    django.setup()
    fill(int(sys.argv[1]))


if __name__ == "__main__":
    main()
