"""URLs of the API, below ``/iii/api/v1/``."""

from __future__ import annotations

from django.db import transaction
from django.urls import path, re_path
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin

from .deliveries import DeliveryViewSet
from .functions import FunctionViewSet
from .nodes import NodeViewSet
from .openapi import SchemaView
from .root import RootView
from .runs import RunViewSet
from .topics import TopicViewSet
from .trigger_types import TriggerTypeViewSet
from .triggers import TriggerViewSet
from .views import NotFoundView
from .workers import WorkerViewSet

app_name = "api"

VIEWS: dict[str, type[ViewSetMixin]] = {
    "trigger-types": TriggerTypeViewSet,
    "triggers": TriggerViewSet,
    "runs": RunViewSet,
    "functions": FunctionViewSet,
    "workers": WorkerViewSet,
    "topics": TopicViewSet,
    "deliveries": DeliveryViewSet,
    "nodes": NodeViewSet,
}
"""The lists of the API, by their path; the names of their routes begin with it."""

router = SimpleRouter()
for prefix, viewset in VIEWS.items():
    router.register(prefix, viewset, basename=prefix)

urlpatterns = [
    path("", RootView.as_view(names=tuple(VIEWS)), name="root"),
    path("schema/", SchemaView.as_view(), name="schema"),
    *router.urls,
    re_path(r"^[\s\S]*\Z", NotFoundView.as_view(), name="nothing"),
]

for route in urlpatterns:
    # ATOMIC_REQUESTS of the site would keep a transaction open while a call waits for a function.
    transaction.non_atomic_requests(route.callback)
