"""The cast of the admin tests: an owner may do everything, a viewer look, a stranger nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from iii_triggers.models import Trigger


def staff(name: str, permissions: list[Permission]) -> Client:
    """Return a client that is logged in as a member of staff with just these permissions."""
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.set(permissions)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(db: None) -> Client:
    ours = Permission.objects.filter(content_type__app_label="iii_triggers")
    return staff("owner", list(ours))


@pytest.fixture
def viewer(db: None) -> Client:
    ours = Permission.objects.filter(content_type__app_label="iii_triggers")
    return staff("viewer", list(ours.filter(codename__startswith="view_")))


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
