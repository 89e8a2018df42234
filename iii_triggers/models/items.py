"""What functions keep in the engine: items of state and of streams, and configurations.

Values are the JSON text they came in: its key order, big numbers and escaped NUL characters
survive every database. Keys are limited to 512 bytes of UTF-8 each by the store that writes them,
because PostgreSQL takes no more than 2,700 bytes in one entry of an index.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_KEY_LENGTH = 512


class StateItem(models.Model):
    """One value of ``state::*``, or of the older ``kv_server::*``."""

    class Store(models.TextChoices):
        """Which family of functions owns the value."""

        STATE = "state", _("state")
        KV = "kv", _("key-value server")

    store = models.CharField(_("store"), max_length=10, choices=Store.choices, default=Store.STATE)
    scope = models.CharField(_("scope"), max_length=MAX_KEY_LENGTH)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    value = models.TextField(_("value"), help_text=_("JSON, as it was set."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("state item")
        verbose_name_plural = _("state items")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["store", "scope", "key"], name="iii_state_unique_key"),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.key}"


class StreamItem(models.Model):
    """One item of a group of a stream."""

    stream_name = models.CharField(_("stream"), max_length=MAX_KEY_LENGTH)
    group_id = models.CharField(_("group"), max_length=MAX_KEY_LENGTH)
    item_id = models.CharField(_("item"), max_length=MAX_KEY_LENGTH)
    value = models.TextField(_("value"), help_text=_("JSON, as it was set."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("stream item")
        verbose_name_plural = _("stream items")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_name", "group_id", "item_id"], name="iii_stream_unique_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream_name}/{self.group_id}/{self.item_id}"


class StreamGroup(models.Model):
    """The count of what happened in a group of a stream, which orders its events everywhere."""

    stream_name = models.CharField(_("stream"), max_length=MAX_KEY_LENGTH)
    group_id = models.CharField(_("group"), max_length=MAX_KEY_LENGTH)
    seq = models.BigIntegerField(
        _("sequence number"), default=0, help_text=_("Of the newest event of the group.")
    )

    class Meta:
        verbose_name = _("stream group")
        verbose_name_plural = _("stream groups")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_name", "group_id"], name="iii_stream_unique_group"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream_name}/{self.group_id}"


class Configuration(models.Model):
    """A named value with a schema, which functions register and read."""

    config_id = models.CharField(_("id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=255, blank=True)
    description = models.TextField(_("description"), blank=True)
    schema = models.JSONField(_("schema"), default=dict, blank=True, help_text=_("JSON Schema."))
    value = models.TextField(
        _("value"), default="null", help_text=_("JSON; may hold ${NAME} and ${NAME:default}.")
    )
    metadata = models.JSONField(_("metadata"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("configuration")
        verbose_name_plural = _("configurations")
        ordering = ["config_id"]

    def __str__(self) -> str:
        return self.config_id
