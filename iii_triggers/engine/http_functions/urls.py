"""The policy for URLs that workers name: what can be said of them without asking DNS.

The parts that are checked here are the parts that the request is made of: the text is not read a
second time by anybody.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from iii_triggers.conf import settings

from .addresses import Address, is_allowed
from .errors import UrlRefused

INVALID = "Invalid URL"
HTTPS_REQUIRED = "HTTPS is required"
NOT_LISTED = "URL not in allowlist"
PRIVATE = "Private IP blocked"
NO_ADDRESS = "DNS lookup failed"
PORT_BLOCKED = "Port not allowed"

MAX_URL_LENGTH = 4096
PORTS = {"http": 80, "https": 443}
LAST_PRIVILEGED_PORT = 1023

_TARGET = re.compile(r"[!-~]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of a URL that is called."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def address(self) -> Address | None:
        """The address that stands in place of a host name."""
        return address_of(self.host)

    @property
    def netloc(self) -> str:
        """Host and port as the ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(text: str) -> Url:
    """Return the parts of a URL that the settings allow as far as they tell. Raise UrlRefused."""
    url = parse_url(text)
    if settings.III_HTTP_FUNCTION_REQUIRE_HTTPS and url.scheme != "https":
        raise UrlRefused(HTTPS_REQUIRED)
    if not any(fnmatchcase(url.host, glob) for glob in settings.III_HTTP_FUNCTION_ALLOWED_HOSTS):
        raise UrlRefused(NOT_LISTED)
    if url.address is not None:
        check_address(url.address)
    elif _is_local_name(url.host) and not settings.III_HTTP_FUNCTION_ALLOW_PRIVATE:
        raise UrlRefused(PRIVATE)
    _check_port(url)
    return url


def check_address(address: Address) -> None:
    """Raise UrlRefused unless the settings allow connections to an address."""
    if not is_allowed(address, allow_private=settings.III_HTTP_FUNCTION_ALLOW_PRIVATE):
        raise UrlRefused(PRIVATE)


def parse_url(text: str) -> Url:
    """Return the parts of an absolute http or https URL. Raise UrlRefused.

    Credentials in the URL, backslashes, spaces, control characters and text that is not ASCII are
    refused: they are what parsers disagree about.
    """
    if len(text) > MAX_URL_LENGTH or not _TARGET.fullmatch(text) or "\\" in text:
        raise UrlRefused(INVALID)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(INVALID) from error
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme not in PORTS or "@" in parts.netloc or port == 0 or not _is_host(host):
        raise UrlRefused(INVALID)
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    port = port if port is not None else PORTS[parts.scheme]
    return Url(scheme=parts.scheme, host=host, port=port, target=target)


def address_of(host: str) -> Address | None:
    """Return the address that a host is; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_host(host: str) -> bool:
    """Tell names and addresses from what only some readers take for an address (``127.1``)."""
    if "%" in host or not host:
        return False
    if address_of(host) is not None:
        return True
    labels = host.split(".")
    is_number = labels[-1].isdigit() or labels[-1].startswith("0x")
    return len(host) <= 253 and not is_number and all(map(_LABEL.fullmatch, labels))


def _is_local_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _check_port(url: Url) -> None:
    """Below 1024 only the two ports of HTTP: no mail server takes a request for a message."""
    is_usual = url.port in PORTS.values() or url.port > LAST_PRIVILEGED_PORT
    if not is_usual and not settings.III_HTTP_FUNCTION_ALLOW_PRIVATE:
        raise UrlRefused(PORT_BLOCKED)
