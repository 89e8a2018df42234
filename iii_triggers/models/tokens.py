"""Tokens with which workers on other hosts connect."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

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

    def issue(self, name: str, *, expires_at: datetime | None = None) -> tuple[WorkerToken, str]:
        """Make a token; return its row and the token itself, which is stored nowhere."""
        token = PREFIX + secrets.token_urlsafe(32)
        row = self.create(
            name=name, hint=token[:8], token_hash=hash_token(token), expires_at=expires_at
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

    objects = WorkerTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("worker token")
        verbose_name_plural = _("worker tokens")
        ordering = ["name", "created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"
