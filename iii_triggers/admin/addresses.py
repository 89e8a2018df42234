"""Where an http trigger answers, as a person who is about to try it wants to know."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from iii_triggers.conf import settings
from iii_triggers.models import Trigger
from iii_triggers.trigger_types.validation import builtin_trigger_types

RUNENGINE_PORT = 3111
SAFE = "/:%-._~!$&'()*+,;=@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A port on which a trigger answers, and the command that calls it there."""

    title: str | Promise
    curl: str


def addresses(trigger: Trigger, request: HttpRequest) -> list[Address]:
    """Return where ``trigger`` answers: on runengine's port for triggers and on the site's own.

    A trigger of another type than http, or without a path, answers nowhere.
    """
    registrator = builtin_trigger_types().get(trigger.trigger_type)
    config = trigger.config if isinstance(trigger.config, dict) else {}
    api_path = config.get("api_path")
    if registrator is None or registrator.id != "http" or not isinstance(api_path, str):
        return []
    path = "/" + quote(api_path.lstrip("/"), safe=SAFE)
    method = str(config.get("http_method") or "GET").upper()
    urls = {
        _("On the trigger port of runengine (--http-port)"): _on_trigger_port(request, path),
        _("On the port of this site"): request.build_absolute_uri(settings.III_HTTP_PREFIX + path),
    }
    return [Address(title=title, curl=_curl(method, url)) for title, url in urls.items()]


def _on_trigger_port(request: HttpRequest, path: str) -> str:
    host = urlsplit(f"//{request.get_host()}").hostname or "localhost"
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{RUNENGINE_PORT}{path}"


def _curl(method: str, url: str) -> str:
    words = ["curl"]
    if method == "HEAD":
        words += ["--head"]
    elif method != "GET":
        words += ["-X", method]
    if method in {"POST", "PUT", "PATCH"}:
        words += ["-H", "content-type: application/json", "-d", '{"name": "Ada"}']
    return shlex.join([*words, url])
