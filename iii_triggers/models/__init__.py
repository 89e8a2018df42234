"""The shared truth: rows that every process of the site sees."""

from .changes import Change, ChangeCounter
from .deliveries import Delivery, Lane, Subscription, Topic
from .functions import Function
from .nodes import Node
from .tokens import WorkerToken
from .trigger_types import TriggerType
from .triggers import Trigger
from .workers import Worker

__all__ = [
    "Change",
    "ChangeCounter",
    "Delivery",
    "Function",
    "Lane",
    "Node",
    "Subscription",
    "Topic",
    "Trigger",
    "TriggerType",
    "Worker",
    "WorkerToken",
]
