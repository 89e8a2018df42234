"""The admin page of worker tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from iii_triggers.models import WorkerToken

from .base import EngineAdmin
from .formatting import badge
from .token_form import TokenForm
from .token_words import token_words

CALLS = (
    "restrict_calls",
    "expose_functions",
    "allowed_functions",
    "forbidden_functions",
    "namespaces",
)
REGISTRATIONS = (
    "allow_function_registration",
    "function_registration_prefix",
    "trigger_types",
    "allowed_trigger_types",
    "allow_trigger_type_registration",
)
FUNCTIONS = (
    "middleware_function_id",
    "on_function_registration_function_id",
    "on_trigger_registration_function_id",
    "on_trigger_type_registration_function_id",
    "context",
)
NO_FIELD = "trigger_types"
"""Of the form only."""


@admin.action(description=_("Revoke selected tokens"), permissions=["change"])
def revoke(
    modeladmin: EngineAdmin[WorkerToken], request: HttpRequest, queryset: QuerySet[WorkerToken]
) -> None:
    """Revoke tokens for good: no worker connects with them any more."""
    done = 0
    for token in queryset.filter(revoked_at=None):
        with transaction.atomic():
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            modeladmin.log_change(request, token, [{"changed": {"fields": [str(_("revoked at"))]}}])
        done += 1
    message = ngettext("%d token was revoked.", "%d tokens were revoked.", done)
    modeladmin.message_user(request, message % done, messages.SUCCESS)


@admin.register(WorkerToken)
class WorkerTokenAdmin(EngineAdmin[WorkerToken]):
    """Tokens of workers on other hosts; a token is shown once, when it is made."""

    form = TokenForm
    list_display = ("name", "hint", "status", "created_at", "expires_at", "last_used_at")
    search_fields = ("name", "hint")
    actions = (revoke,)

    @admin.display(description=_("status"))
    def status(self, token: WorkerToken) -> SafeString:
        """Whether the token opens connections, as symbol and word."""
        return badge(*_status(token))

    @admin.display(description=_("it allows"))
    def words(self, token: WorkerToken) -> SafeString:
        """What a worker with the token may do."""
        return token_words(token)

    def get_fieldsets(self, request: HttpRequest, obj: WorkerToken | None = None) -> Any:
        """The hash is never among the fields."""
        times = ("created_at", "expires_at", "last_used_at", "revoked_at")
        about: tuple[str, ...] = ("name", "expires_at")
        if obj is not None:
            about = ("name", "hint", "status", "words", *times)
        can_change = obj is None or self.has_change_permission(request, obj)
        registrations = [name for name in REGISTRATIONS if can_change or name != NO_FIELD]
        return (
            (None, {"fields": about}),
            (_("Calls"), {"fields": CALLS}),
            (_("Registrations"), {"fields": registrations}),
            (_("Functions that are asked"), {"fields": FUNCTIONS, "classes": ("collapse",)}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: WorkerToken | None = None
    ) -> tuple[str, ...]:
        """A token is revoked with the action, and for good."""
        return ("hint", "status", "words", "created_at", "last_used_at", "revoked_at")

    def save_model(
        self,
        request: HttpRequest,
        obj: WorkerToken,
        form: forms.ModelForm[WorkerToken],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Make a token and show it this once; only its hash is stored."""
        if change:
            super().save_model(request, obj, form, change)
            return
        names = [*CALLS, *REGISTRATIONS, *FUNCTIONS]
        rules = {name: getattr(obj, name) for name in names if name != NO_FIELD}
        row, token = WorkerToken.objects.issue(obj.name, expires_at=obj.expires_at, **rules)
        obj.__dict__.update(row.__dict__)
        text = _("This is the token. Copy it now, it cannot be shown again: {}")
        code = format_html('<code class="iii-token">{}</code>', token)
        self.message_user(request, format_html(str(text), code), messages.WARNING)


def _status(token: WorkerToken) -> tuple[str, str, Any]:
    if token.revoked_at is not None:
        return "rejected", "✕", _("revoked")
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return "disabled", "○", _("expired")
    return "active", "●", _("valid")
