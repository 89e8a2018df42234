"""Redaction: values of secret keys never reach the history.

It works on JSON *text*, from left to right, and keeps every other byte as it was: nothing is
parsed, so nothing can be too deep, too large or too odd, and huge numbers stay what they are. A
text may have been cut anywhere: a secret that has no end is redacted to the end of the text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from iii_triggers.conf import settings

MASK = "[redacted]"
ALWAYS = ("access_key",)
"""Keys that are redacted whatever the site says: they open channels of requests and responses."""

_MASKED_VALUE = f'"{MASK}"'.encode()
_MASKED_REST = f" {MASK}".encode()
_SPACE = rb"[ \t\r\n]*+"
_REST = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
# A string without an end, and a backslash without what it escapes: the text was cut there.
_STRING = rb'"%s(?:"|\\?\Z)' % _REST
_VALUE = re.compile(rb'%s|[^][{}",\s]++' % _STRING, re.DOTALL)
_REST_OF_STRING = re.compile(rb"%s(?:\\\Z)?" % _REST, re.DOTALL)
_STEPS = re.compile(rb"%s|([\[{]++)|([]}])" % _STRING, re.DOTALL)
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r"}


def redact(text: bytes) -> tuple[bytes, bool]:
    """Return JSON text without the values of the site's secret keys, and whether it had any.

    Redacted are the whole value of such a key, whatever it is, and the rest of a string that
    begins like a header of that name (``"Set-Cookie: ..."``). Takes time linear in the text.
    """
    pattern = _keys_in_json(tuple(settings.III_HISTORY_REDACT))
    found = pattern.search(text)
    if found is None:
        return text, False
    parts, done = [], 0
    while found is not None:
        parts.append(text[done : found.end()])
        if found["key"] is not None:
            parts.append(_MASKED_VALUE)
            done = _end_of_value(text, found.end())
        else:
            parts.append(_MASKED_REST)
            done = _end(_REST_OF_STRING, text, found.end())
        found = pattern.search(text, done)
    parts.append(text[done:])
    return b"".join(parts), True


def redact_message(text: str) -> str:
    """Return the text of an error without what looks like a secret.

    That is the value in ``key=value``, ``key: value`` and ``"key": "value"`` with a secret key,
    and the password in ``scheme://user:password@host``.
    """
    text = _keys_in_messages(tuple(settings.III_HISTORY_REDACT)).sub(rf"\g<1>{MASK}", text)
    return _PASSWORD_IN_URL.sub(rf"\g<1>{MASK}", text)


def _end_of_value(text: bytes, start: int) -> int:
    if text[start : start + 1] not in (b"{", b"["):
        return _end(_VALUE, text, start)
    depth = 0
    for step in _STEPS.finditer(text, start):
        depth += len(step[1] or b"") - len(step[2] or b"")
        if depth == 0:
            return step.end()
    return len(text)


def _end(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


@lru_cache(maxsize=8)
def _keys_in_json(keys: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return what finds a key with its colon, or a string that begins like a header.

    A quote after a backslash begins no string. The look ahead saves trying every key in vain.
    """
    known = {key for key in (*ALWAYS, *keys) if key}
    first = b"|".join(sorted({_character_in_json(key[0]) for key in known}))
    names = b"|".join(sorted({_key_in_json(key) for key in known}))
    begin = rb'"(?<!\\")(?=%s)(?:%s)' % (first, names)
    return re.compile(rb'%s(?:(?P<key>"%s:%s)|:)' % (begin, _SPACE, _SPACE))


def _key_in_json(key: str) -> bytes:
    return b"".join(_character_in_json(character) for character in key)


def _character_in_json(character: str) -> bytes:
    r"""Match a character as it is, and as every escape that JSON has for it (``\u0070``)."""
    ways = [way for variant in _variants(character) for way in _ways_to_write(variant)]
    return b"(?:%s)" % b"|".join(ways)


def _ways_to_write(character: str) -> list[bytes]:
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    codes = [units[start : start + 4] for start in range(0, len(units), 4)]
    escaped = "".join(rf"\\u{_in_any_case(code)}" for code in codes)
    short = [f"\\{_SHORT_ESCAPES[character]}"] if character in _SHORT_ESCAPES else []
    plain = [re.escape(way).encode(errors="surrogatepass") for way in [character, *short]]
    return [*plain, escaped.encode()]


def _in_any_case(code: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in code)


def _variants(character: str) -> list[str]:
    if character in "-_":
        return ["-", "_"]
    return sorted({character, character.lower(), character.upper()})


@lru_cache(maxsize=8)
def _keys_in_messages(keys: tuple[str, ...]) -> re.Pattern[str]:
    known = sorted({key for key in (*ALWAYS, *keys) if key})
    names = "|".join(re.sub("[-_]", "[-_]", re.escape(key).replace(r"\-", "-")) for key in known)
    quoted = r"\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?"
    plain = r"(?:(?:bearer|basic|digest|token) {1,8})?[^\s,;&\"'(){}\[\]]++"
    return re.compile(
        rf"((?<![\w-])(?:{names})\\?[\"']?\s{{0,8}}[=:]\s{{0,8}}\\?)(?:{quoted}|{plain})",
        re.IGNORECASE | re.DOTALL,
    )


_PASSWORD_IN_URL = re.compile(r"(://[^\s/:@\"']{0,255}:)[^\s/@\"']{1,1024}(?=@)")
