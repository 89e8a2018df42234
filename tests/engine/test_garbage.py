"""Garbage is looked for less often, unless the site has its own mind."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.test import override_settings

from iii_triggers.engine.garbage import OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the collector as it was."""
    threshold = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@override_settings(III_TUNE_GC=True)
def test_what_is_there_is_left_alone() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == (OBJECTS, 10, 10)


@override_settings(III_TUNE_GC=True)
def test_the_threshold_of_the_site_stays() -> None:
    gc.set_threshold(5_000, 7, 8)
    collect_seldom()
    assert gc.get_threshold() == (5_000, 7, 8)


@override_settings(III_TUNE_GC=False)
def test_a_site_may_want_nothing_of_it() -> None:
    frozen = gc.get_freeze_count()
    collect_seldom()
    assert (gc.get_freeze_count(), gc.get_threshold()) == (frozen, (700, 10, 10))
