"""The admin page of topics and named queues: what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from iii_triggers.delivery.named_queues import named_queue_names
from iii_triggers.delivery.overview import Backlog, backlogs, deliveries_of
from iii_triggers.delivery.topics import celery_queue
from iii_triggers.models import Delivery, Topic

from .attached import AttachingList
from .base import EngineAdmin, ReadOnly
from .deliveries import DeliveryPermissions
from .delivery_actions import VERBS, carry_out
from .formatting import NOTHING, moment, with_note
from .links import count_link, topic_url

MAX_FUNCTIONS = 3
State = Delivery.State


@admin.action(description=_("Redrive all dead deliveries"), permissions=["redrive"])
def redrive_dead(
    modeladmin: EngineAdmin[Topic], request: HttpRequest, queryset: QuerySet[Topic]
) -> None:
    """Try everything again that is dead in the selected topics."""
    _carry_out(modeladmin, request, queryset, name="redrive")


@admin.action(description=_("Discard all dead deliveries"), permissions=["redrive"])
def discard_dead(
    modeladmin: EngineAdmin[Topic], request: HttpRequest, queryset: QuerySet[Topic]
) -> None:
    """Give everything up that is dead in the selected topics."""
    _carry_out(modeladmin, request, queryset, name="discard")


@admin.register(Topic)
class TopicAdmin(DeliveryPermissions, ReadOnly, EngineAdmin[Topic]):
    """Topics and named queues, with what is not settled in them."""

    list_display = (
        "name_and_kind",
        "waiting",
        "running",
        "retrying",
        "held",
        "dead",
        "oldest_waiting",
        "subscribers",
        "celery_queue",
    )
    search_fields = ("name",)
    sortable_by = ()
    actions = (redrive_dead, discard_dead)
    figures = ("waiting", "running", "retrying", "held", "dead", "oldest_waiting")
    readonly_fields = (*figures, "all_subscribers", "celery_queue")
    fields = ("name", "kind", *figures, "all_subscribers", "celery_queue", "created_at")

    @admin.display(description=_("name"))
    def name_and_kind(self, topic: Topic) -> SafeString:
        """The name, and below it what it is."""
        return with_note(topic.name, topic.get_kind_display())

    @admin.display(description=_("waiting"))
    def waiting(self, topic: Topic) -> str | SafeString:
        """Accepted and not started."""
        return _count(topic, State.QUEUED)

    @admin.display(description=_("running"))
    def running(self, topic: Topic) -> str | SafeString:
        """In flight."""
        return _count(topic, State.LEASED)

    @admin.display(description=_("retrying"))
    def retrying(self, topic: Topic) -> str | SafeString:
        """Failed, and before their next attempt."""
        return _count(topic, State.RETRY)

    @admin.display(description=_("held"))
    def held(self, topic: Topic) -> str | SafeString:
        """Kept from running by a person."""
        return _count(topic, State.HELD)

    @admin.display(description=_("dead"))
    def dead(self, topic: Topic) -> str | SafeString:
        """Given up."""
        return _count(topic, State.DEAD)

    @admin.display(description=_("oldest waits since"))
    def oldest_waiting(self, topic: Topic) -> str:
        """When the oldest one that waits was accepted."""
        return moment(_backlog(topic).oldest_waiting)

    @admin.display(description=_("subscribed functions"))
    def subscribers(self, topic: Topic) -> str:
        """The first of the functions that get its messages."""
        functions = _backlog(topic).functions
        shown = ", ".join(functions[:MAX_FUNCTIONS]) or NOTHING
        more = len(functions) - MAX_FUNCTIONS
        return f"{shown} + {more}" if more > 0 else shown

    @admin.display(description=_("subscribed functions"))
    def all_subscribers(self, topic: Topic) -> str:
        """The functions that get its messages."""
        return ", ".join(_backlog(topic).functions) or NOTHING

    @admin.display(description=_("Celery queue"))
    def celery_queue(self, topic: Topic) -> str:
        """The Celery queue that its deliveries go through."""
        return celery_queue(topic)

    def attach(self, topics: Sequence[Topic]) -> None:
        """Read the backlogs of a page."""
        found = backlogs(topics)
        for topic in topics:
            topic.backlog = found[topic.kind, topic.name]  # type: ignore[attr-defined]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AttachingList]:
        """The list that reads backlogs."""
        return AttachingList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the configured queues too that nobody has used yet."""
        used = Topic.objects.filter(kind=Topic.Kind.QUEUE).values_list("name", flat=True)
        unused = sorted({*named_queue_names()} - {*used})
        return super().changelist_view(request, {**(extra_context or {}), "unused": unused})


def _backlog(topic: Topic) -> Backlog:
    """Return what ``attach`` read, or read it: the page of one topic attaches nothing."""
    if not hasattr(topic, "backlog"):
        topic.backlog = backlogs([topic])[topic.kind, topic.name]  # type: ignore[attr-defined]
    backlog: Backlog = topic.backlog  # type: ignore[attr-defined]
    return backlog


def _count(topic: Topic, state: Delivery.State) -> str | SafeString:
    return count_link(_backlog(topic).counts.get(state, 0), topic_url(topic, state=state.value))


def _carry_out(
    modeladmin: EngineAdmin[Topic], request: HttpRequest, topics: QuerySet[Topic], *, name: str
) -> None:
    verb = next(verb for verb in VERBS if verb.name == name)
    carry_out(modeladmin, request, verb, deliveries_of(topics).dead())
