"""The admin page of subscriptions: who gets the messages of a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.delivery.overview import in_lanes
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.subscriptions import end, unheld
from iii_triggers.models import Subscription, Trigger

from .attached import AttachingList
from .base import EngineAdmin, ReadOnly, SecretFields
from .deliveries import DeliveryPermissions
from .delivery_filters import UNFINISHED_STATES
from .delivery_texts import policy_in_words
from .formatting import badge, moment, with_note
from .links import count_link, delivery_list_url, trigger_link


@admin.action(description=_("End subscriptions whose worker is gone"), permissions=["hold"])
def end_now(
    modeladmin: EngineAdmin[Subscription], request: HttpRequest, queryset: QuerySet[Subscription]
) -> None:
    """End subscriptions that no trigger holds; what waits in them waits for the function again."""
    rows = list(queryset.order_by("pk"))
    ended = sum(_end(modeladmin, request, row) for row in rows)
    if ended:
        message = ngettext("%d subscription was ended.", "%d subscriptions were ended.", ended)
        modeladmin.message_user(request, message % ended, messages.SUCCESS)
    if kept := len(rows) - ended:
        message = ngettext(
            "%d subscription is held by a trigger: disable or delete the trigger to end it.",
            "%d subscriptions are held by triggers: disable or delete the triggers to end them.",
            kept,
        )
        modeladmin.message_user(request, message % kept, messages.WARNING)


@admin.register(Subscription)
class SubscriptionAdmin(DeliveryPermissions, SecretFields, ReadOnly, EngineAdmin[Subscription]):
    """Subscriptions, which come and go with queue triggers."""

    secret_fields = ("metadata",)
    list_display = ("topic", "function_id", "status", "unfinished", "trigger", "policy_in_words")
    list_display_links = ("topic", "function_id")
    search_fields = ("topic", "function_id", "trigger_id")
    sortable_by = ("topic", "function_id")
    actions = (end_now,)
    fields = (
        "topic",
        "function_id",
        "namespace",
        "status",
        "unfinished",
        "trigger",
        "policy_in_words",
        "created_at",
    )
    readonly_fields = ("status", "unfinished", "trigger", "policy_in_words")

    @admin.display(description=_("state"))
    def status(self, subscription: Subscription) -> SafeString:
        """Whether a trigger holds it, and until when it is kept if not."""
        if getattr(subscription, "is_held", False):
            return badge("active", "●", _("live"))
        until = subscription.expires_at
        note: str = gettext("Its worker is away.")
        if until is not None:
            note = format_html(gettext("Its worker is away; kept until {}."), moment(until))
        return with_note(badge("parked", "◔", _("kept")), note)

    @admin.display(description=_("not finished"))
    def unfinished(self, subscription: Subscription) -> str | SafeString:
        """How many of its deliveries wait, run or are held."""
        if not hasattr(subscription, "unfinished"):
            self.attach([subscription])
        url = delivery_list_url(
            state=UNFINISHED_STATES,
            topic=subscription.topic,
            function=subscription.function_id,
        )
        return count_link(subscription.unfinished, url)  # type: ignore[attr-defined]

    @admin.display(description=_("trigger"))
    def trigger(self, subscription: Subscription) -> str | SafeString:
        """The newest of the triggers that hold it, or the last that did."""
        if not hasattr(subscription, "found"):
            self.attach([subscription])
        return trigger_link(subscription.found, subscription.trigger_id)  # type: ignore[attr-defined]

    @admin.display(description=_("policy"))
    def policy_in_words(self, subscription: Subscription) -> str:
        """How its deliveries are tried."""
        return policy_in_words(Policy.of(subscription.policy))

    def attach(self, subscriptions: Sequence[Subscription]) -> None:
        """Count the deliveries of a page and find its triggers."""
        counts = in_lanes(subscription.lane for subscription in subscriptions)
        ids = [subscription.trigger_id for subscription in subscriptions]
        triggers = Trigger.objects.filter(trigger_id__in=ids)
        by_id = {(trigger.namespace, trigger.trigger_id): trigger for trigger in triggers}
        for row in subscriptions:
            row.unfinished = counts.get(row.lane, 0)  # type: ignore[attr-defined]
            row.found = by_id.get((row.namespace, row.trigger_id))  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """Note which are held by a trigger."""
        held = Trigger.objects.filter(identity=OuterRef("identity"), enabled=True)
        queryset: QuerySet[Subscription] = super().get_queryset(request)
        return queryset.defer("metadata").annotate(is_held=Exists(held))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AttachingList]:
        """The list that counts deliveries."""
        return AttachingList


def _end(modeladmin: EngineAdmin[Subscription], request: HttpRequest, row: Subscription) -> int:
    with transaction.atomic():
        ended = end(unheld(Subscription.objects.filter(pk=row.pk)).select_for_update())
        if ended:
            modeladmin.log_change(request, row, str(_("Ended.")))
    return ended
