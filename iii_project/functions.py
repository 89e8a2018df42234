"""The functions and triggers of the product's document, as functions of this site.

Triggers whose type is not there (yet) show as parked in the admin: they become active by
themselves when the type arrives, as with slack, which a worker may provide.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from iii_triggers import afire_triggers, function, trigger, trigger_type

logger = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass
class Users:
    """Users for show: they live as long as the process."""

    by_id: dict[str, Json] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1))

    def add(self, name: str) -> Json:
        """Add a user and return it."""
        user = {"id": str(next(self.ids)), "name": name}
        self.by_id[user["id"]] = user
        return user


users = Users()

trigger_type(
    "user.created",
    description="A user was created; the site fires it itself.",
    call_schema={"type": "object", "properties": {"user_id": {"type": "string"}}},
)


@function("greet", triggers=[trigger("http", api_path="greet", http_method="POST")])
async def greet(data: Json) -> Json:
    """Say hello."""
    return {"message": f"Hello, {data['name']}!"}


@function("users.create", triggers=[trigger("http", api_path="users", http_method="POST")])
async def create_user(data: Json) -> Json:
    """Create a user from a name."""
    name = data.get("name")
    if not isinstance(name, str) or not name:
        return {"status_code": 422, "body": {"error": "name is required"}}
    user = users.add(name)
    await afire_triggers("user.created", {"user_id": user["id"], "name": name})
    return {"status_code": 201, "body": user}


@function("users.welcome", triggers=[trigger("user.created")])
def welcome_user(data: Json) -> None:
    """Welcome a user who was created."""
    logger.info("Welcome, %s.", data["name"])


@function("users.get", triggers=[trigger("http", api_path="users/:id", http_method="GET")])
async def get_user(data: Json) -> Json:
    """Return one user by the id in the path."""
    user = users.by_id.get(data["path_params"]["id"])
    if user is None:
        return {"status_code": 404, "body": {"error": "no such user"}}
    return user


@function("users.list", triggers=[trigger("http", api_path="users", http_method="GET")])
async def list_users(data: Json) -> list[Json]:
    """Return all users."""
    return list(users.by_id.values())


@function("reports.daily", triggers=[trigger("cron", schedule="0 9 * * *")])
def daily_report(data: Json) -> Json:
    """Count the users, every day at 9."""
    return {"users": len(users.by_id)}


@function("health.check", triggers=[trigger("cron", schedule="*/15 * * * *")])
def check_health(data: Json) -> Json:
    """Say that all is well, every quarter of an hour."""
    return {"status": "ok"}


@function("orders.process", triggers=[trigger("queue", topic="orders.created")])
def process_order(data: Json) -> None:
    """Process an order that was created."""
    logger.info("Processing order %s.", data.get("id"))


@function("notifications.send", triggers=[trigger("queue", topic="orders.created")])
def send_notification(data: Json) -> None:
    """Notify somebody of an order that was created."""
    logger.info("Sending a notification about order %s.", data.get("id"))


@function("analytics.track", triggers=[trigger("stream", channel="user-events")])
def track_event(data: Json) -> None:
    """Track an event of the stream."""
    logger.info("Tracking %s.", data.get("event"))


@function("handle.message", triggers=[trigger("slack", event_type="message", channel="#general")])
async def handle_message(data: Json) -> None:
    """Handle a message; its trigger waits for a worker that provides the type slack."""
    logger.info("Message: %s", data.get("text"))
