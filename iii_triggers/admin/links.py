"""Links from one admin page to another."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from iii_triggers.models import Subscription, Topic, Trigger
from iii_triggers.trigger_types.cron.rows import TYPE_ID as CRON

from .formatting import NOTHING
from .name_filters import NO_TYPE


def delivery_list_url(**filters: str) -> str:
    """Return the address of the delivery list with these filters."""
    return f"{reverse('admin:iii_triggers_delivery_changelist')}?{urlencode(filters)}"


def run_list_url(**filters: str) -> str:
    """Return the address of the list of runs with these filters.

    ``function``, ``trigger``, ``worker`` (id or name), ``delivery``, ``type``, ``status``,
    ``started`` (``hour``, ``day``, ``week``), ``replay`` (``yes``, ``no``).
    """
    return f"{reverse('admin:iii_triggers_invocation_changelist')}?{urlencode(filters)}"


def topic_url(topic: Topic, **filters: str) -> str:
    """Return the address of the deliveries of a topic, or of the named queue of that name."""
    kind = NO_TYPE if topic.kind == Topic.Kind.QUEUE else "queue"
    return delivery_list_url(topic=topic.name, type=kind, **filters)


def count_link(count: int, url: str) -> SafeString | str:
    """Return a number that leads to what it counts; 0 leads nowhere."""
    return format_html('<a href="{}">{}</a>', url, count) if count else "0"


def trigger_link(trigger: Trigger | None, trigger_id: str) -> SafeString | str:
    """Return the trigger as a link; the bare id of one that is gone."""
    if trigger is None:
        return trigger_id or NOTHING
    url = reverse("admin:iii_triggers_trigger_change", args=[trigger.pk])
    return format_html('<a href="{}">{}</a>', url, f"{trigger} ({trigger_id})")


def delivery_links(trigger: Trigger) -> dict[str, str]:
    """Return where the deliveries of a trigger are, as address to title; {} for most types."""
    if trigger.trigger_type == CRON:
        return {delivery_list_url(type=CRON, **_whose(trigger)): gettext("Deliveries")}
    return _queue_links(trigger)


def _whose(trigger: Trigger) -> dict[str, str]:
    """Return the filter of its firings, which may stand under the id of an identical trigger."""
    same = Trigger.objects.filter(identity=trigger.identity or "-").exclude(pk=trigger.pk)
    return {"function": trigger.function_id} if same.exists() else {"trigger": trigger.trigger_id}


def _queue_links(trigger: Trigger) -> dict[str, str]:
    held = Subscription.objects.filter(identity=trigger.identity or "-").first()
    if held is None:
        return {}
    deliveries = delivery_list_url(topic=held.topic, function=held.function_id)
    links = {deliveries: gettext("Deliveries")}
    topic = Topic.objects.filter(kind=Topic.Kind.TOPIC, name=held.topic).first()
    if topic is not None:
        url = reverse("admin:iii_triggers_topic_change", args=[topic.pk])
        links[url] = gettext("Topic “%s”") % held.topic
    return links
