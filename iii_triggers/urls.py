"""URLs of the app; a site includes them under ``iii/``."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from . import metrics_views, views
from .api.checks import is_included

app_name = "iii_triggers"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics_views.metrics, name="metrics"),
    re_path(r"^http(?P<trigger_path>/(?s:.*))\Z", views.http_trigger, name="http"),
]

if is_included():
    urlpatterns.append(path("api/v1/", include("iii_triggers.api.urls")))
