"""URLs of the demo site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("iii/", include("iii_triggers.urls")),
    path("", RedirectView.as_view(url="/admin/")),
]
