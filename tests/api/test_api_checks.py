"""The system checks of the API, and a site that does not have all of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from iii_triggers.api.checks import is_included


def found() -> list[str]:
    return [str(message.id) for message in run_checks(tags=["iii_triggers"])]


@pytest.fixture
def without(settings: Any) -> Any:
    """Take apps out of the site: ``without("drf_spectacular")``."""

    def without(*names: str) -> None:
        settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in names]

    return without


def test_the_demo_site_has_all_of_it() -> None:
    assert is_included()
    assert found() == []


def test_a_site_without_the_rest_framework_has_no_api(without: Any) -> None:
    without("rest_framework", "rest_framework.authtoken", "drf_spectacular")
    assert not is_included()
    assert found() == []


def test_an_api_that_is_left_out_is_found(without: Any) -> None:
    without("drf_spectacular")
    assert not is_included()
    assert found() == ["iii_triggers.W015"]


def test_an_api_without_tokens_is_found(without: Any) -> None:
    without("rest_framework.authtoken")
    assert is_included()
    assert found() == ["iii_triggers.W016"]


@pytest.mark.parametrize(
    "throttles",
    [{"fires": "1/s"}, {"read": "1"}, {"read": "0/s"}, {"read": "1/week"}, {"write": "-1/s"}],
)
def test_limits_that_limit_nothing_are_found(settings: Any, throttles: Any) -> None:
    settings.III_API_THROTTLES = throttles
    assert found() == ["iii_triggers.E017"]


@pytest.mark.parametrize("throttles", [{}, {"read": ""}, {"fire": "5/s", "write": "1000/d"}])
def test_limits_that_limit_are_left_alone(settings: Any, throttles: Any) -> None:
    settings.III_API_THROTTLES = throttles
    assert found() == []


@pytest.mark.parametrize("throttles", [["5/s"], {"read": 5}])
def test_limits_of_the_wrong_type_are_found_once(settings: Any, throttles: Any) -> None:
    settings.III_API_THROTTLES = throttles
    assert found() == ["iii_triggers.E001"]
