"""Tokens with which workers on other hosts connect."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

PREFIX = "iii_"


def hash_token(token: str) -> str:
    """Return what is stored of ``token``.

    A token carries 256 random bits, so a plain hash cannot be reversed by guessing.
    """
    return hashlib.sha256(token.encode()).hexdigest()


class WorkerTokenQuerySet(models.QuerySet["WorkerToken"]):
    """Worker tokens, made and checked."""

    def issue(
        self, name: str, *, expires_at: datetime | None = None, **rules: Any
    ) -> tuple[WorkerToken, str]:
        """Make a token; return its row and the token itself, which is stored nowhere.

        ``rules`` are fields that say what it allows; without any it allows everything.
        """
        token = PREFIX + secrets.token_urlsafe(32)
        row = self.create(
            name=name,
            hint=token[:8],
            token_hash=hash_token(token),
            expires_at=expires_at,
            **rules,
        )
        return row, token

    def valid(self) -> WorkerTokenQuerySet:
        """Tokens that open a connection now."""
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at__isnull=True)

    def check_token(self, token: str) -> WorkerToken | None:
        """Return the valid row of ``token``, and note its use; None if there is none.

        The lookup is by hash: its timing tells nothing about the token.
        """
        row = self.valid().filter(token_hash=hash_token(token)).first()
        if row is not None:
            self.filter(pk=row.pk).update(last_used_at=timezone.now())
        return row


class WorkerToken(models.Model):
    """A token for workers, stored as a hash. Several may be valid at once, for rotation."""

    name = models.CharField(_("name"), max_length=255)
    hint = models.CharField(_("begins with"), max_length=8, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)

    restrict_calls = models.BooleanField(
        _("restrict calls"),
        default=False,
        help_text=_(
            "Workers may call, and bind triggers to, only the functions listed below. "
            "Otherwise all but the forbidden ones."
        ),
    )
    expose_functions = models.JSONField(
        _("exposed functions"),
        default=list,
        blank=True,
        help_text=_("Filters, as of a listener; [] exposes nothing."),
    )
    allowed_functions = models.JSONField(_("allowed functions"), default=list, blank=True)
    forbidden_functions = models.JSONField(_("forbidden functions"), default=list, blank=True)
    namespaces = models.JSONField(
        _("namespaces"),
        default=dict,
        blank=True,
        help_text=_("Namespace to the functions allowed there; {} does not limit namespaces."),
    )
    allow_function_registration = models.BooleanField(_("may register functions"), default=True)
    function_registration_prefix = models.CharField(
        _("function prefix"),
        max_length=100,
        blank=True,
        help_text=_("p makes the functions and trigger targets of the worker p::id."),
    )
    allowed_trigger_types = models.JSONField(
        _("allowed trigger types"),
        null=True,
        blank=True,
        help_text=_("Types the worker may bind triggers to; null allows all."),
    )
    allow_trigger_type_registration = models.BooleanField(
        _("may register trigger types"), default=True
    )
    middleware_function_id = models.CharField(_("middleware function"), max_length=255, blank=True)
    on_function_registration_function_id = models.CharField(
        _("hook of functions"), max_length=255, blank=True
    )
    on_trigger_registration_function_id = models.CharField(
        _("hook of triggers"), max_length=255, blank=True
    )
    on_trigger_type_registration_function_id = models.CharField(
        _("hook of trigger types"), max_length=255, blank=True
    )
    context = models.JSONField(
        _("context"),
        default=dict,
        blank=True,
        help_text=_("Passed to hooks and middleware."),
    )

    objects = WorkerTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("worker token")
        verbose_name_plural = _("worker tokens")
        ordering = ["name", "created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"
