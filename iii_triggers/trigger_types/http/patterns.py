"""The route grammar: text of ``api_path`` to segments, and a raw request path to segments.

A pattern is segments joined by "/": a literal, or ``:name``, which stands for one whole non-empty
segment. Leading slashes mean nothing ("users" is "/users", "" is "/"), a trailing slash and case
do. There are no wildcards and no regular expressions, so that matching costs the same whatever is
registered. Both sides are split first and then percent-decoded exactly once, segment by segment:
``%2e%2e%2f`` never becomes a path of its own, and ``%252e`` stays the text ``%2e``.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from iii_triggers.protocol.errors import InvalidConfig

from .percent import percent_decode

MAX_PATTERN_CHARS = 2048
MAX_SEGMENTS = 64

# What RFC 3986 allows unescaped in a segment and clients therefore leave as it is.
_PCHAR = "!$&'()*+,;=:@~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A parsed ``api_path``.

    ``text`` is the pattern as given. ``segments`` are the decoded literals, with None where a
    parameter stands. ``params`` are (name, position) pairs in order of position.
    """

    text: str
    segments: tuple[str | None, ...]
    params: tuple[tuple[str, int], ...]

    @property
    def raw_path(self) -> bytes | None:
        """The one usual spelling of the path of a pattern without parameters, else None."""
        if self.params:
            return None
        return b"/" + "/".join(quote(s or "", safe=_PCHAR) for s in self.segments).encode()


def parse_pattern(text: str) -> Pattern:
    """Return the pattern in ``text``; raise InvalidConfig (field ``api_path``) if it is none."""
    if len(text) > MAX_PATTERN_CHARS:
        raise _invalid(f"is longer than {MAX_PATTERN_CHARS} characters")
    if not text.isprintable() or "?" in text or "#" in text:
        raise _invalid("must not contain '?', '#' or control characters")
    parts = text.lstrip("/").split("/")
    if len(parts) > MAX_SEGMENTS:
        raise _invalid(f"has more than {MAX_SEGMENTS} segments")
    if "" in parts[:-1]:
        raise _invalid("must not contain empty segments ('//')")
    return Pattern(
        text=text,
        segments=tuple(None if part.startswith(":") else _literal(part) for part in parts),
        params=_params(parts),
    )


def split_path(raw_path: bytes) -> list[str] | None:
    """Return the decoded segments of a raw (percent-encoded) request path.

    None means that the path can match no pattern: it does not start with a slash, has too many
    or empty inner segments, is not UTF-8, or hides a NUL, ``..`` or a slash in a segment.
    """
    if not raw_path.startswith(b"/") or raw_path.count(b"/") > MAX_SEGMENTS or b"//" in raw_path:
        return None
    try:
        if b"%" in raw_path:
            segments = [_decode(part) for part in raw_path[1:].split(b"/")]
        else:
            segments = raw_path[1:].decode().split("/")
    except UnicodeDecodeError:
        return None
    # The path as a whole is looked at first, because almost no path is suspicious.
    if (b"%" in raw_path or b".." in raw_path or b"\0" in raw_path) and any(map(_is_bad, segments)):
        return None
    return segments


def _params(parts: list[str]) -> tuple[tuple[str, int], ...]:
    params = tuple((part[1:], i) for i, part in enumerate(parts) if part.startswith(":"))
    names = [name for name, _ in params]
    if "" in names:
        raise _invalid("has a parameter without a name (':')")
    if len(set(names)) < len(names):
        raise _invalid("uses a parameter name twice")
    return params


def _literal(part: str) -> str:
    if any(char in part for char in "*{}"):
        raise _invalid(f"has the segment '{part}': wildcards are not supported, use ':name'")
    try:
        decoded = _decode(part.encode())
    except UnicodeDecodeError as error:
        raise _invalid(f"has the segment '{part}', which is not UTF-8") from error
    if _is_bad(decoded):
        raise _invalid(f"has the segment '{part}': '..', '/' and NUL cannot be matched")
    return decoded


def _decode(part: bytes) -> str:
    return percent_decode(part).decode()


def _is_bad(segment: str) -> bool:
    if "/" in segment or "\0" in segment:
        return True
    # A backslash separates directories on some systems: "..\.." is as hostile as "../..".
    return ".." in segment and ".." in segment.split("\\")


def _invalid(reason: str) -> InvalidConfig:
    return InvalidConfig(f"api_path {reason}", field="api_path")
