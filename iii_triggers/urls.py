"""URLs of the app; a site includes them under ``iii/``."""

from __future__ import annotations

from django.urls import path, re_path

from . import views

app_name = "iii_triggers"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    re_path(r"^http(?P<trigger_path>/(?s:.*))\Z", views.http_trigger, name="http"),
]
