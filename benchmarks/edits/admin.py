"""Somebody who edits triggers in the admin, with the requests that a browser would send."""

from __future__ import annotations

import json
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from tests.e2e.processes import READY_S

TRIGGERS = "/admin/iii_triggers/trigger/"
LOGIN = "/admin/login/"
USER, PASSWORD = "ada", "only-for-benchmarks"
NEW_USER = f"""
from django.contrib.auth.models import User
User.objects.create_superuser({USER!r}, password={PASSWORD!r})"""
"""What ``manage.py shell`` does for the login to be there."""


class Admin:
    """A person who is logged in on one process; every method is one form that is sent."""

    def __init__(self, port: int, *, function_id: str) -> None:
        """``function_id`` is of the function that all triggers run."""
        self._function_id = function_id
        self._root = f"http://127.0.0.1:{port}"
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies), _Stay())
        self._get(LOGIN)
        self._post(LOGIN, {"username": USER, "password": PASSWORD})

    def add(self, trigger_id: str, path: str) -> None:
        """Make an HTTP trigger that is switched on."""
        self._post(
            f"{TRIGGERS}add/", {"trigger_id": trigger_id, **self._fields(path, enabled=True)}
        )

    def change(self, key: int, path: str, *, enabled: bool) -> None:
        """Give it another path, or switch it."""
        self._post(f"{TRIGGERS}{key}/change/", self._fields(path, enabled=enabled))

    def delete(self, key: int) -> None:
        """Delete it, and say that this is meant."""
        self._post(f"{TRIGGERS}{key}/delete/", {"post": "yes"})

    def _get(self, path: str) -> None:
        self._opener.open(self._root + path, timeout=READY_S).close()

    def _post(self, path: str, fields: dict[str, Any]) -> None:
        """Send a form. Raise RuntimeError unless it was accepted, with a redirect."""
        fields |= {"csrfmiddlewaretoken": self._token()}
        request = Request(self._root + path, urlencode(fields).encode(), {"Referer": self._root})
        try:
            answer = self._opener.open(request, timeout=READY_S)
        except HTTPError as error:
            answer = error
        with answer:
            if answer.status != 302:
                raise RuntimeError(f"{path} was answered with {answer.status}, not accepted")

    def _fields(self, path: str, *, enabled: bool) -> dict[str, str]:
        config = {"api_path": path, "http_method": "GET"}
        fields = {"namespace": "default", "trigger_type": "http"}
        fields |= {"function_id": self._function_id, "config": json.dumps(config), "metadata": ""}
        return fields | ({"enabled": "on"} if enabled else {})

    def _token(self) -> str:
        return next(cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken")


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: the page after a form is not part of the edit."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
