"""URLs of the app; a site includes them under the path it likes, ``iii/`` in the docs."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "iii_triggers"

urlpatterns: list[URLPattern] = []
