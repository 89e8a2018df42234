"""The dashboard, as far as the admin is concerned."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .nodes import Node


class Dashboard(Node):
    """What gives the dashboard its place in any ``AdminSite``: an entry beside the models.

    It has no table and no permissions of its own: each of its panels asks for that of what it
    shows.
    """

    class Meta:
        proxy = True
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboard")
        default_permissions = ()
