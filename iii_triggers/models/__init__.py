"""The shared truth: rows that every process of the site sees."""

from .changes import Change, ChangeCounter
from .deliveries import Delivery, Lane, Subscription, Topic
from .functions import Function
from .items import Configuration, StateItem, StreamItem
from .nodes import Node
from .tokens import WorkerToken
from .trigger_types import TriggerType
from .triggers import Trigger
from .workers import Worker

__all__ = [
    "Change",
    "ChangeCounter",
    "Configuration",
    "Delivery",
    "Function",
    "Lane",
    "Node",
    "StateItem",
    "StreamItem",
    "Subscription",
    "Topic",
    "Trigger",
    "TriggerType",
    "Worker",
    "WorkerToken",
]
