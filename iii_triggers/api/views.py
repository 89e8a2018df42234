"""What the views of the API have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn

from django.utils.cache import add_never_cache_headers
from rest_framework import authentication, exceptions
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from . import problems
from .authentication import authenticators
from .filters import Filter, ParameterFilter
from .paging import IdPagination
from .parsers import JsonParser
from .permissions import MayCall
from .problems import Problem
from .renderers import BrowsableRenderer, JsonRenderer
from .schema import ApiSchema
from .throttles import ScopedThrottle


class ApiView(APIView):
    """A view that needs no setting of the site.

    ``needs`` names the permissions of every action (of every method, in lower case, where there
    are no actions); "" asks for a login only, and a blank separates two.
    """

    needs: Mapping[str, str] = {}
    fires: frozenset[str] = frozenset()
    """Actions that run functions of the site: they count as ``fire`` when calls are counted."""

    renderer_classes: Sequence[type[BaseRenderer]] = (JsonRenderer, BrowsableRenderer)
    parser_classes = (JsonParser,)
    permission_classes = (MayCall,)
    throttle_classes = (ScopedThrottle,)
    content_negotiation_class = DefaultContentNegotiation
    metadata_class = None
    versioning_class = None
    schema: Any = ApiSchema()
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    def get_authenticators(self) -> list[authentication.BaseAuthentication]:
        """Return the ways to log in."""
        return authenticators()

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """Answer with problem documents."""
        return problems.answer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may call. A body of unknown length would be taken for none."""
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            status = HTTPStatus.LENGTH_REQUIRED
            raise Problem("Send a Content-Length.", code="length_required", status=status)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Give problem documents their own media type, except on pages for people.

        No cache keeps an answer: it would outlive the permission, and the token.
        """
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        add_never_cache_headers(final)
        if getattr(final, "exception", False) and request.accepted_renderer.format == "json":
            final.content_type = problems.MEDIA_TYPE
        return final

    def needed_permissions(self) -> list[str]:
        """Return the permissions that the call needs; one that will be a 405 needs none.

        An action that nobody named in ``needs`` is a KeyError: it stays closed.
        """
        action, method = self._action(), (self.request.method or "").lower()
        is_offered = method in self.http_method_names and hasattr(self, method)
        return self.needs[action].split() if is_offered or action in self.needs else []

    def throttle_scope(self) -> str:
        """Return what the call counts as: ``read``, ``write`` or ``fire``."""
        if self._action() in self.fires:
            return "fire"
        return "read" if self.request.method in SAFE_METHODS else "write"

    def _action(self) -> str:
        method = (self.request.method or "").lower()
        return getattr(self, "action", None) or ("get" if method == "head" else method)


class ApiViewSet(ViewSetMixin, ApiView, GenericAPIView):  # type: ignore[type-arg]
    """Views of one kind of row: ``filters`` are the parameters of its list."""

    filters: Mapping[str, Filter] = {}
    filter_backends = (ParameterFilter,)
    pagination_class = IdPagination

    def page(self, rows: Any) -> Response:
        """Answer with the page of ``rows`` (a queryset) that the request asks for."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class NotFoundView(ApiView):
    """Whatever there is nothing at."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Tell everybody, whatever the method."""
        hint = "" if request.path.endswith("/") else " Paths end with a slash."
        raise exceptions.NotFound(f"There is nothing at this path.{hint}")
