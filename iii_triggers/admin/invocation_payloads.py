"""What a run was given and what it returned: shown to those who may see payloads."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models.functions import Left, Length
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from iii_triggers.models import Invocation, InvocationPayload

from .formatting import MAX_PRETTY, beginning_block
from .invocation_permissions import RunPermissions

PARTS = {"input": _("Input"), "output": _("Output")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Input, output or stack trace, as the page shows it."""

    name: str
    title: str | Promise
    block: SafeString | None
    """None for those who may not see it."""
    is_cut: bool = False
    """Whether only its beginning was kept."""
    download_url: str = ""


class PayloadPages(RunPermissions):
    """Mix-in of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of whole payloads."""
        return [*(self._download_url(name) for name in PARTS), *super().get_urls()]

    def payload_context(self, request: HttpRequest, run: Invocation) -> dict[str, Any]:
        """Return what ``payloads.html`` needs; payloads stay where they are but for a beginning."""
        row = _with_beginnings(run)
        is_free = self.has_payload_permission(request)
        return {
            "parts": _parts(row, is_free=is_free) if row is not None else [],
            "is_redacted": row is not None and row.redacted,
        }

    def download(self, request: HttpRequest, pk: uuid.UUID, *, part: str) -> HttpResponse:
        """Answer with all that was kept, as a file."""
        run = self.visible_run(request, pk)
        if not self.has_payload_permission(request):
            raise PermissionDenied
        texts = InvocationPayload.objects.filter(pk=run.pk).values_list(part, flat=True)
        text = texts.first()
        if not text:
            raise Http404
        headers = {
            "Content-Disposition": f'attachment; filename="run-{run.pk}-{part}.json"',
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(text, content_type="application/json", headers=headers)

    def _download_url(self, part: str) -> URLPattern:
        view = self.admin_site.admin_view(require_GET(partial(self.download, part=part)))
        return path(f"<uuid:pk>/{part}/", view, name=f"iii_triggers_invocation_{part}")


def _with_beginnings(run: Invocation) -> Any:
    lengths: dict[str, Any] = {f"{name}_length": Length(name) for name in PARTS}
    beginnings: dict[str, Any] = {f"{name}_begins": Left(name, MAX_PRETTY + 1) for name in PARTS}
    rows = InvocationPayload.objects.filter(pk=run.pk).annotate(**lengths, **beginnings)
    return rows.defer(*PARTS).first()


def _parts(row: Any, *, is_free: bool) -> list[Part]:
    parts = [_part(row, name, is_free=is_free) for name in PARTS if getattr(row, f"{name}_length")]
    if row.stacktrace:
        block = format_html('<pre class="iii-json">{}</pre>', row.stacktrace) if is_free else None
        parts.append(Part(name="stacktrace", title=_("Stack trace"), block=block))
    return parts


def _part(row: Any, name: str, *, is_free: bool) -> Part:
    length, beginning = getattr(row, f"{name}_length"), getattr(row, f"{name}_begins")
    is_cut = getattr(row, f"{name}_cut")
    url = reverse(f"admin:iii_triggers_invocation_{name}", args=[row.pk])
    return Part(
        name=name,
        title=PARTS[name],
        block=beginning_block(beginning, length=length, is_cut=is_cut) if is_free else None,
        is_cut=is_cut,
        download_url=url if is_free else "",
    )
