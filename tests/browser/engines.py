"""The engine that a page starts in the process of the site, when something is run from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from iii_triggers.engine.process import process_engine


@pytest.fixture(autouse=True)
def background_engine(transactional_db: None) -> Iterator[None]:
    """It ends with the test; what it runs is in the history."""
    with override_settings(III_HISTORY="all"):
        yield
        process_engine.stop_in_background()
        process_engine.replace(None)
