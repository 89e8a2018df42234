"""Who calls the API in its tests: a superuser, and people with just these permissions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client

Login = Callable[..., Client]


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """Begin with no calls counted."""
    cache.clear()


@pytest.fixture
def login(db: None) -> Login:
    """Log somebody in who may do just this: ``login("view_trigger", "add_trigger")``."""

    def login(*codenames: str) -> Client:
        user = User.objects.create_user(f"user-{User.objects.count()}")
        ours = Permission.objects.filter(content_type__app_label="iii_triggers")
        user.user_permissions.set(ours.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return login


@pytest.fixture
def root(db: None) -> Client:
    """A client that may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def caller(transactional_db: None) -> Client:
    """One like root, for tests in which an engine runs."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client
