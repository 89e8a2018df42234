"""``multipart/form-data`` bodies that are in memory already (RFC 7578).

Parsed here because the alternatives do not fit: Django's parser needs settings, upload handlers and
temporary files, and the ``email`` package takes parts apart by their own type (an uploaded mail
becomes a message tree). Nothing touches the disk, and a file name is only ever a label.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from django.utils.http import parse_header_parameters

from .errors import BadBody

MAX_FIELDS = 1000
MAX_PART_HEADER_BYTES = 8192
MAX_BOUNDARY_CHARS = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part; ``filename`` is None for a text field, ``content_type`` lower-case."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def parse_multipart(boundary: str, body: bytes) -> dict[str, Any]:
    """Return the fields of ``body`` by name; raise BadBody if it is malformed.

    A text field is a string, of a repeated one the last. A file is ``{"filename",
    "content_type", "size", "content"}``, with ``content_base64`` instead of ``content`` if it is
    not text; of a repeated one, as from an input that takes several, there is a list.
    """
    fields: dict[str, Any] = {}
    for chunk in _chunks(boundary, body):
        part = _part(chunk)
        if part.filename is None:
            fields[part.name] = part.content.decode(errors="replace")
        elif part.filename:
            _add_file(fields, part)
        # Browsers send an empty name for a file input that was left empty.
    return fields


def _chunks(boundary: str, body: bytes) -> list[bytes]:
    """Split into what stands between the delimiter lines."""
    if not 0 < len(boundary) <= MAX_BOUNDARY_CHARS or not boundary.isascii():
        raise BadBody("The multipart body has no valid boundary")
    delimiter = b"\r\n--" + boundary.encode()
    _, *chunks = (b"\r\n" + body).split(delimiter, MAX_FIELDS + 2)
    end = next((i for i, chunk in enumerate(chunks) if chunk.startswith(b"--")), len(chunks))
    if end > MAX_FIELDS:
        raise BadBody(f"The multipart body has more than {MAX_FIELDS} fields")
    if end == len(chunks):
        raise BadBody("The multipart body is not complete")
    return chunks[:end]


def _part(chunk: bytes) -> Part:
    padding, newline, rest = chunk.partition(b"\r\n")
    head, separator, content = rest.partition(b"\r\n\r\n")
    if padding.strip(b" \t") or not newline or not separator or len(head) > MAX_PART_HEADER_BYTES:
        raise BadBody("The multipart body has a malformed part")
    headers = _part_headers(head)
    disposition, params = _parameters(headers.get("content-disposition", ""))
    if disposition != "form-data" or "name" not in params:
        raise BadBody("The multipart body has a part without a name")
    filename = params.get("filename")
    return Part(
        name=params["name"],
        filename=None if filename is None else _label(filename),
        content_type=_parameters(headers.get("content-type", "text/plain"))[0],
        content=content,
    )


def _part_headers(head: bytes) -> dict[str, str]:
    lines = head.decode(errors="replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _parameters(header: str) -> tuple[str, dict[str, str]]:
    try:
        return parse_header_parameters(header)
    except ValueError as error:
        raise BadBody("The multipart body has a malformed header") from error


def _label(filename: str) -> str:
    """Return the last component: what a client says about directories is nobody's business."""
    return filename.replace("\\", "/").rpartition("/")[2].replace("\0", "")


def _add_file(fields: dict[str, Any], part: Part) -> None:
    file = _file(part)
    before = fields.get(part.name)
    if isinstance(before, list):
        before.append(file)
    elif isinstance(before, dict):
        fields[part.name] = [before, file]
    else:
        fields[part.name] = file


def _file(part: Part) -> dict[str, Any]:
    file: dict[str, Any] = {
        "filename": part.filename,
        "content_type": part.content_type,
        "size": len(part.content),
    }
    text = _text(part)
    if text is None:
        return {**file, "content_base64": b64encode(part.content).decode()}
    return {**file, "content": text}


def _text(part: Part) -> str | None:
    if not part.content_type.startswith("text/"):
        return None
    try:
        return part.content.decode()
    except UnicodeDecodeError:
        return None
