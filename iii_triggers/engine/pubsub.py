"""``publish`` for the site's code."""

from __future__ import annotations

from typing import Any

from .process import ainvoke, invoke

PUBLISH_FUNCTION = "publish"


def publish(topic: str, data: Any = None, /) -> None:
    """Run the function of every ``subscribe`` trigger of a topic with ``data`` (any JSON value).

    Nothing is waited for and nothing is kept; what must not be lost is for ``enqueue``. For plain
    code, like ``invoke``. Raises an IiiError with the code ``topic_not_set`` without a topic, and
    SerializationFailed.
    """
    invoke(PUBLISH_FUNCTION, {"topic": topic, "data": data})


async def apublish(topic: str, data: Any = None, /) -> None:
    """Publish from async code; see ``publish``."""
    await ainvoke(PUBLISH_FUNCTION, {"topic": topic, "data": data})
