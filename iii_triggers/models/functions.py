"""Functions that can be invoked now."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Function(models.Model):
    """A live offer of a function: by a worker, or by the site itself (no worker).

    Several workers may offer one function id, so there is one row for each offer.
    """

    function_id = models.CharField(_("id"), max_length=255)
    namespace = models.CharField(_("namespace"), max_length=255, default="default")
    worker = models.ForeignKey(
        "iii_triggers.Worker",
        verbose_name=_("worker"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="functions",
    )
    description = models.TextField(_("description"), blank=True)
    request_format = models.JSONField(_("request format"), null=True, blank=True)
    response_format = models.JSONField(_("response format"), null=True, blank=True)
    metadata = models.JSONField(_("metadata"), null=True, blank=True)
    invocation = models.JSONField(
        _("HTTP invocation"), null=True, blank=True, help_text=_("How to call it over HTTP.")
    )
    registered_at = models.DateTimeField(_("registered at"), auto_now_add=True)

    class Meta:
        verbose_name = _("function")
        verbose_name_plural = _("functions")
        ordering = ["function_id"]
        permissions = [("invoke_function", _("Can invoke functions"))]
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "function_id", "worker"], name="iii_function_unique_offer"
            ),
            models.UniqueConstraint(
                fields=["namespace", "function_id"],
                condition=models.Q(worker=None),
                name="iii_function_unique_in_site",
            ),
        ]

    def __str__(self) -> str:
        return self.function_id
