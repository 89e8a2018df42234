"""``topics/``: what stands in them, and publishing to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.context import current_traceparent
from iii_triggers.delivery.overview import backlogs
from iii_triggers.delivery.topics import Message
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Topic
from iii_triggers.operations.publishing import publish_by_hand

from .filters import choice, text, values
from .schema import describe, path_text
from .topic_serializers import (
    ACCEPTED,
    PUBLISH,
    SHOWN,
    PublishedSerializer,
    PublishSerializer,
    TopicSerializer,
    topic_document,
)
from .views import ApiViewSet

NAME = path_text("Name of the topic.")
KIND = OpenApiParameter(
    "kind", str, enum=Topic.Kind.values, description="`topic` unless it says more."
)


@extend_schema_view(list=describe(summary="List topics", examples=[SHOWN]))
class TopicViewSet(ApiViewSet):
    """Topics and named queues, with what is not settled in them."""

    queryset = Topic.objects.all()
    serializer_class = TopicSerializer
    # A name may hold slashes; what ends in /publish is the address of the verb.
    lookup_value_regex = r"(?:(?!/publish/$)[^\x00])+?"
    needs = {"list": "view_topic", "retrieve": "view_topic", "publish": "publish_topic"}
    filters = {"name": text("name"), "kind": choice("kind", Topic.Kind.values)}

    def list(self, request: Request) -> Response:
        """List the topics, newest first. Three queries, however many there are."""
        topics = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._documents(topics or ()))

    @describe(summary="Look at a topic", parameters=[NAME, KIND], examples=[SHOWN])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Tell what stands in a topic or, with `kind=queue`, in a named queue."""
        kind = values(request, self).get("kind", Topic.Kind.TOPIC)
        topic = self.get_queryset().filter(name=pk, kind=kind).first()
        if topic is None:
            raise Http404
        return Response(self._documents([topic])[0])

    @describe(
        summary="Publish to a topic",
        parameters=[NAME],
        request=PublishSerializer,
        responses={202: OpenApiResponse(PublishedSerializer, description="It will be delivered.")},
        examples=[PUBLISH, ACCEPTED],
    )
    @action(detail=True, methods=["post"], serializer_class=PublishSerializer)
    def publish(self, request: Request, pk: str) -> Response:
        """Have every function that is subscribed to the topic run with a message, surely.

        A topic is there as soon as somebody publishes to it; without a subscriber the message waits
        for the first one.
        """
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        message = _message(pk, **wanted.validated_data)
        note = "Published through the REST API."
        ids = publish_by_hand(message, user=request.user, note=note)
        answer = PublishedSerializer({"delivery_ids": ids}).data
        return Response(answer, status=HTTPStatus.ACCEPTED)

    def _documents(self, topics: Sequence[Topic]) -> Sequence[Any]:
        found = backlogs(topics)
        documents = [topic_document(topic, found[topic.kind, topic.name]) for topic in topics]
        shown: Sequence[Any] = self.get_serializer(documents, many=True).data
        return shown


def _message(
    topic: str, *, data: Any, idempotency_key: str, ordering_key: str, delay_s: float
) -> Message:
    return Message(
        topic=topic,
        data=Payload.of(data),
        idempotency_key=idempotency_key,
        ordering_key=ordering_key,
        run_at=timezone.now() + timedelta(seconds=delay_s) if delay_s > 0 else None,
        traceparent=current_traceparent(),
    )
