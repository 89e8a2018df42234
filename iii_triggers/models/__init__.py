"""The shared truth: rows that every process of the site sees."""

from .changes import Change, ChangeCounter
from .dashboard import Dashboard
from .deliveries import Delivery, Lane, Subscription, Topic
from .functions import Function
from .invocations import Invocation, InvocationPayload
from .items import Configuration, StateItem, StreamGroup, StreamItem
from .nodes import Node
from .stats import TriggerStat, TypeStat
from .tokens import WorkerToken
from .trigger_types import TriggerType
from .triggers import Trigger
from .workers import Worker

__all__ = [
    "Change",
    "ChangeCounter",
    "Configuration",
    "Dashboard",
    "Delivery",
    "Function",
    "Invocation",
    "InvocationPayload",
    "Lane",
    "Node",
    "StateItem",
    "StreamGroup",
    "StreamItem",
    "Subscription",
    "Topic",
    "Trigger",
    "TriggerStat",
    "TriggerType",
    "TypeStat",
    "Worker",
    "WorkerToken",
]
