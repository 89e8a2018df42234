"""A request body to a value, by its declared content type and by nothing else."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from django.utils.http import parse_header_parameters

from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import MalformedFrame

from .errors import BadBody, UnsupportedBody
from .forms import parse_pairs
from .multipart import parse_multipart

MAX_FIELDS = 1000

_TEXTUAL = frozenset({"application/json", "application/x-www-form-urlencoded"})

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# An own list: Python knows codecs that are no character sets of text bodies.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
}


BodyKind = Literal["text", "multipart", "raw"]


@lru_cache(maxsize=256)
def kind_of(content_type: bytes) -> BodyKind:
    """Return what is done with a body: ``text`` and ``multipart`` are parsed, ``raw`` is not."""
    try:
        media_type, _ = _media_type(content_type)
    except BadBody:
        return "text"
    if media_type == "multipart/form-data":
        return "multipart"
    is_text = media_type in _TEXTUAL or media_type.endswith("+json")
    return "text" if is_text or media_type.startswith("text/") else "raw"


def parse_body(content_type: bytes, body: bytes, *, content_encoding: bytes = b"") -> Any:
    """Return the value of ``body``; None for an empty one.

    JSON gives its value, ``application/x-www-form-urlencoded`` a flat object of strings, multipart
    forms an object (see ``parse_multipart``), ``text/*`` a string. Raise BadBody (400) for a body
    that is not what it says, UnsupportedBody (415) for other types and for compressed bodies.
    """
    if not body:
        return None
    if content_encoding and content_encoding.strip().lower() != b"identity":
        raise UnsupportedBody("Compressed request bodies are not supported")
    media_type, params = _media_type(content_type)
    if media_type == "application/json" or media_type.endswith("+json"):
        return _parse_json(body)
    if media_type == "application/x-www-form-urlencoded":
        return _parse_form(body)
    if media_type == "multipart/form-data":
        return parse_multipart(params.get("boundary", ""), body)
    if media_type.startswith("text/"):
        return _parse_text(body, params.get("charset", "utf-8"))
    raise UnsupportedBody(f"A request body of type '{media_type}' is not supported")


def _media_type(content_type: bytes) -> tuple[str, dict[str, str]]:
    if content_type == b"application/json":
        return "application/json", {}
    try:
        return parse_header_parameters(content_type.decode("latin-1"))
    except ValueError as error:
        raise BadBody("The content type of the request is malformed") from error


def _parse_json(body: bytes) -> Any:
    try:
        return from_json(body.removeprefix(_BYTE_ORDER_MARK).strip())
    except MalformedFrame as error:
        raise BadBody(f"The request body is not valid JSON: {error.message}") from error


def _parse_form(body: bytes) -> dict[str, str]:
    if body.count(b"&") >= MAX_FIELDS:
        raise BadBody(f"The form has more than {MAX_FIELDS} fields")
    return parse_pairs(body.strip())


def _parse_text(body: bytes, charset: str) -> str:
    codec = _CHARSETS.get(charset.lower())
    if codec is None:
        raise UnsupportedBody(f"The character set '{charset}' is not supported")
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadBody(f"The request body is not {charset} text") from error
