"""The cast of the permission matrix, from nobody to somebody who may do everything."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.contrib.auth.models import Permission, User
from django.test import Client

APP = "iii_triggers"
SECRET = "view_payload"
DOING = (
    SECRET,
    "fire_trigger",
    "replay_invocation",
    "redrive_delivery",
    "hold_delivery",
    "invoke_function",
    "publish_topic",
    "manage_worker",
)

EVERYBODY = frozenset({"viewer", "operator", "manager", "stranger", "anonymous"})
STAFF = frozenset({"viewer", "operator", "manager", "stranger"})
LOOK = frozenset({"viewer", "operator", "manager"})
ACT = frozenset({"operator", "manager"})
EDIT = frozenset({"manager"})
NOBODY: frozenset[str] = frozenset()

Table = Mapping[str, frozenset[str]]
"""Who may do what."""

ROLES = ("viewer", "operator", "manager", "stranger", "anonymous")


def codenames(role: str) -> set[str]:
    """Return the permissions that a role has."""
    ours = Permission.objects.filter(content_type__app_label=APP)
    every = set(ours.values_list("codename", flat=True))
    looking = {name for name in every if name.startswith("view_")} - {SECRET}
    known = {"viewer": looking, "operator": looking | set(DOING), "manager": every}
    return known.get(role, set())


def make_user(role: str) -> User | None:
    """Create the user of a role; None is nobody in particular."""
    if role == "anonymous":
        return None
    user = User.objects.create_user(role, password="secret", is_staff=True)
    found = Permission.objects.filter(content_type__app_label=APP, codename__in=codenames(role))
    user.user_permissions.set(found)
    return user


def make_clients() -> dict[str, Client]:
    """Return a client for each role, logged in where there is somebody to log in."""
    clients = {}
    for role in ROLES:
        clients[role] = Client(raise_request_exception=False)
        if (user := make_user(role)) is not None:
            clients[role].force_login(user)
    return clients


def differences(known: Mapping[str, Collection[str]], table: Table) -> list[str]:
    """Return what somebody gets that the table does not say, and the other way round."""
    return [
        f"{role} {'gets' if what in known[role] else 'does not get'} {what!r}"
        for what, who in table.items()
        for role in ROLES
        if (what in known[role]) != (role in who)
    ]
