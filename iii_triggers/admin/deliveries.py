"""The admin page of deliveries: read only, but for the verbs that its permissions allow."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from iii_triggers.delivery.policy import Policy
from iii_triggers.models import Delivery, Trigger
from iii_triggers.models.deliveries import WAITING
from iii_triggers.operations.bounded_scan import Index

from .base import EngineAdmin, ReadOnly
from .delivery_actions import VERBS, Verb, carry_out, list_actions
from .delivery_filters import (
    AcceptedFilter,
    FunctionFilter,
    StateFilter,
    TopicFilter,
    TypeFilter,
)
from .delivery_texts import delivery_badge, policy_in_words, situation, waiting_reason
from .formatting import MAX_JSON, NOTHING, cut, json_block, moment, payload_block, with_note
from .links import delivery_list_url, run_list_url, trigger_link
from .name_filters import TriggerFilter
from .newest_list import NewestFirst
from .ordered_filters import BeforeFilter
from .text_filter import as_uuid

TIMES = ("accepted", "scheduled", "next_run", "started", "finished")


class DeliveryPermissions:
    """Mix-in: who may do what with deliveries, asked anew for every request."""

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Redrive and discard."""
        return request.user.has_perm("iii_triggers.redrive_delivery")

    def has_hold_permission(self, request: HttpRequest) -> bool:
        """Hold, release and cancel."""
        return request.user.has_perm("iii_triggers.hold_delivery")

    def has_payload_permission(self, request: HttpRequest) -> bool:
        """See what was published."""
        return request.user.has_perm("iii_triggers.view_payload")


@admin.register(Delivery)
class DeliveryAdmin(DeliveryPermissions, NewestFirst, ReadOnly, EngineAdmin[Delivery]):
    """Deliveries, the newest first."""

    list_display = (
        "function",
        "state_and_reason",
        "origin",
        "attempts_made",
        "accepted_and_since",
    )
    list_filter = (
        BeforeFilter,
        StateFilter,
        AcceptedFilter,
        TopicFilter,
        FunctionFilter,
        TriggerFilter,
        TypeFilter,
    )
    search_fields = ("function_id", "topic", "idempotency_key", "ordering_key")
    search_help_text = _(
        "Searches parts of functions and topics, and whole delivery ids, idempotency and ordering "
        "keys."
    )
    actions = list_actions()
    readonly_fields = (
        "badge",
        "situation",
        "trigger",
        "attempts_made",
        "full_error",
        "policy_in_words",
        "shown_payload",
        "shown_metadata",
        "hidden_payload",
        *TIMES,
    )

    @admin.display(description=_("function"))
    def function(self, delivery: Delivery) -> str:
        """What is to run."""
        return cut(delivery.function_id) or NOTHING

    @admin.display(description=_("state"))
    def badge(self, delivery: Delivery) -> SafeString:
        """The state as symbol and word."""
        return delivery_badge(delivery)

    @admin.display(description=_("what that means"))
    def situation(self, delivery: Delivery) -> str | Promise:
        """The state explained."""
        return waiting_reason(delivery) or situation(delivery)

    @admin.display(description=_("state"))
    def state_and_reason(self, delivery: Delivery) -> SafeString:
        """The state; below it what a waiting delivery waits for, and the last error."""
        reason = cut(waiting_reason(delivery), length=160)
        error = cut(": ".join(filter(None, (delivery.error_code, delivery.error))))
        shown = with_note(delivery_badge(delivery), reason)
        return with_note(shown, error, is_error=delivery.state == Delivery.State.DEAD)

    @admin.display(description=_("topic or trigger"))
    def origin(self, delivery: Delivery) -> SafeString:
        """Where it comes from: the topic or queue, else the trigger; and the trigger type."""
        name = cut(delivery.topic or delivery.trigger_id) or NOTHING
        return with_note(name, delivery.trigger_type or _("named queue"))

    @admin.display(description=_("attempts"))
    def attempts_made(self, delivery: Delivery) -> str:
        """How often it was started, of how often at most."""
        text = _("%(attempts)d of %(most)d")
        return text % {"attempts": delivery.attempts, "most": delivery.max_attempts}

    @admin.display(description=_("accepted"))
    def accepted(self, delivery: Delivery) -> str:
        """When it was written."""
        return moment(delivery.created_at)

    @admin.display(description=_("accepted"))
    def accepted_and_since(self, delivery: Delivery) -> str:
        """When it was written; below, when it runs at the earliest or had its outcome."""
        title, then = _("finished"), delivery.finished_at
        if delivery.state in WAITING:
            title, then = _("next run"), delivery.run_at
        note = format_html("{} {}", title, moment(then)) if then is not None else ""
        return with_note(moment(delivery.created_at), note)

    @admin.display(description=_("scheduled for"))
    def scheduled(self, delivery: Delivery) -> str:
        """The time that a schedule meant."""
        return moment(delivery.scheduled_for)

    @admin.display(description=_("next run"))
    def next_run(self, delivery: Delivery) -> str:
        """When a waiting delivery runs at the earliest."""
        return moment(delivery.run_at if delivery.state in WAITING else None)

    @admin.display(description=_("started"))
    def started(self, delivery: Delivery) -> str:
        """When the last attempt began."""
        return moment(delivery.started_at)

    @admin.display(description=_("finished"))
    def finished(self, delivery: Delivery) -> str:
        """When it had its outcome."""
        return moment(delivery.finished_at)

    @admin.display(description=_("trigger"))
    def trigger(self, delivery: Delivery) -> str | SafeString:
        """The trigger; a link while it exists."""
        same = Trigger.objects.filter(trigger_id=delivery.trigger_id, namespace=delivery.namespace)
        return trigger_link(same.first(), delivery.trigger_id)

    @admin.display(description=_("error"))
    def full_error(self, delivery: Delivery) -> str | SafeString:
        """All of the last error."""
        if not delivery.error:
            return NOTHING
        return format_html('<pre class="iii-json">{}</pre>', cut(delivery.error, length=MAX_JSON))

    @admin.display(description=_("policy"))
    def policy_in_words(self, delivery: Delivery) -> str:
        """How it is tried."""
        return policy_in_words(Policy.of(delivery.policy))

    @admin.display(description=_("payload"))
    def shown_payload(self, delivery: Delivery) -> SafeString:
        """What was published."""
        return payload_block(delivery.payload)

    @admin.display(description=_("metadata"))
    def shown_metadata(self, delivery: Delivery) -> str:
        """What the trigger hands over beside it."""
        return json_block(delivery.metadata)

    @admin.display(description=_("payload"))
    def hidden_payload(self, delivery: Delivery) -> str | Promise:
        """Why there is nothing to be seen."""
        return _("You need the permission “Can view payloads of deliveries and runs” to see it.")

    def get_fieldsets(self, request: HttpRequest, obj: Delivery | None = None) -> Any:
        """Show the payload to those only who may see it."""
        is_free = self.has_payload_permission(request)
        payload = ("shown_payload", "shown_metadata") if is_free else ("hidden_payload",)
        inner = ("namespace", "lane", "ordering_key", "idempotency_key", "queue", "node_id")
        sweeper = ("leased_until", "send_at", "sends", "away_since", "traceparent")
        return (
            (None, {"fields": ("badge", "situation", "function_id", "topic", "trigger")}),
            (_("Attempts"), {"fields": ("attempts_made", "policy_in_words", *TIMES)}),
            (_("Last error"), {"fields": ("error_code", "full_error")}),
            (_("Payload"), {"fields": payload}),
            (_("Inner workings"), {"fields": ("id", *inner, *sweeper), "classes": ("collapse",)}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Leave out what lists do not show and may be large."""
        queryset: QuerySet[Delivery] = super().get_queryset(request)
        return queryset.defer("payload", "metadata")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """Search names by parts, ids and keys whole; never what was published."""
        term = search_term.strip()
        if not term:
            return queryset, False
        delivery_id = as_uuid(term)
        if delivery_id is not None:
            return queryset.filter(pk=delivery_id), False
        names = Q(function_id__icontains=term) | Q(topic__icontains=term)
        keys = Q(idempotency_key=term) | Q(ordering_key=term)
        return queryset.filter(names | keys), False

    def search_index(self, search_term: str) -> Index:
        """Ids are found at once, parts of names are looked for."""
        return Index.NONE if as_uuid(search_term.strip()) is None else Index.ORDERED

    def get_urls(self) -> list[URLPattern]:
        """Add an address for each verb."""
        return [*(self._verb_url(verb) for verb in VERBS), *super().get_urls()]

    def carry_out_one(self, request: HttpRequest, pk: uuid.UUID, *, verb: Verb) -> HttpResponse:
        """Apply a verb to one delivery, as its button does."""
        is_allowed = getattr(self, f"has_{verb.permission}_permission")
        if not (self.has_view_permission(request) and is_allowed(request)):
            raise PermissionDenied
        rows = self.get_queryset(request).filter(pk=pk)
        if not rows.exists():
            raise Http404
        carry_out(self, request, verb, rows)
        return HttpResponseRedirect(reverse("admin:iii_triggers_delivery_change", args=[pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the buttons."""
        delivery: Delivery | None = kwargs.get("obj")
        context["verbs"] = self._verbs(request, delivery) if delivery is not None else []
        if delivery is not None:
            runs = run_list_url(delivery=str(delivery.pk))
            context["list_links"] = {runs: gettext("Runs of this delivery")}
        if delivery is not None and delivery.topic:
            context["topic_url"] = delivery_list_url(topic=delivery.topic)
        return super().render_change_form(request, context, *args, **kwargs)

    def _verbs(self, request: HttpRequest, delivery: Delivery) -> list[dict[str, Any]]:
        return [
            {"label": verb.label, "title": verb.title, "url": _url(verb, delivery)}
            for verb in VERBS
            if delivery.state in verb.states
            and getattr(self, f"has_{verb.permission}_permission")(request)
        ]

    def _verb_url(self, verb: Verb) -> URLPattern:
        view = self.admin_site.admin_view(require_POST(partial(self.carry_out_one, verb=verb)))
        name = f"iii_triggers_delivery_{verb.name}"
        return path(f"<uuid:pk>/{verb.name}/", view, name=name)


def _url(verb: Verb, delivery: Delivery) -> str:
    return reverse(f"admin:iii_triggers_delivery_{verb.name}", args=[delivery.pk])
