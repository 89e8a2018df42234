"""The cast of the admin tests: an owner may do everything, a viewer look, a stranger nothing.

An operator looks and handles deliveries, but does not see what is in them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client

from iii_triggers.models import Trigger


def staff(name: str, permissions: list[Permission]) -> Client:
    """Return a client that is logged in as a member of staff with just these permissions."""
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.set(permissions)
    client = Client()
    client.force_login(user)
    return client


def looking() -> QuerySet[Permission]:
    """Return the permissions to view rows, which is not that to view payloads."""
    ours = Permission.objects.filter(content_type__app_label="iii_triggers")
    return ours.filter(codename__startswith="view_").exclude(codename="view_payload")


@pytest.fixture
def owner(db: None) -> Client:
    ours = Permission.objects.filter(content_type__app_label="iii_triggers")
    return staff("owner", list(ours))


@pytest.fixture
def viewer(db: None) -> Client:
    return staff("viewer", list(looking()))


@pytest.fixture
def operator(db: None) -> Client:
    handling = Permission.objects.filter(codename__in=["redrive_delivery", "hold_delivery"])
    return staff("operator", [*looking(), *handling])


@pytest.fixture
def stranger(db: None) -> Client:
    return staff("stranger", [])


@pytest.fixture
def trigger(db: None) -> Trigger:
    return Trigger.objects.create(
        trigger_id="greet",
        trigger_type="http",
        function_id="demo.greet",
        config={"api_path": "greet", "http_method": "POST"},
        state=Trigger.State.ACTIVE,
    )


@pytest.fixture
def grant(db: None) -> Callable[[str, str], None]:
    """Give somebody one more permission: ``grant("viewer", "hold_delivery")``."""

    def grant(name: str, codename: str) -> None:
        user = User.objects.get(username=name)
        user.user_permissions.add(Permission.objects.get(codename=codename))

    return grant
