"""URL-encoded pairs: query strings and ``application/x-www-form-urlencoded`` bodies.

As HTML forms write them: "+" is a space, a key without "=" has the value "", of a repeated key
the last one wins. Text that is not UTF-8 gets replacement characters instead of an error.
"""

from __future__ import annotations

from .percent import percent_decode


def parse_pairs(raw: bytes) -> dict[str, str]:
    """Return the decoded pairs of ``raw`` as a flat dict."""
    pairs: dict[str, str] = {}
    for pair in raw.replace(b"+", b" ").split(b"&"):
        if pair:
            key, _, value = pair.partition(b"=")
            pairs[_decode(key)] = _decode(value)
    return pairs


def _decode(raw: bytes) -> str:
    return percent_decode(raw).decode(errors="replace")
