"""Redaction: values of secret keys never reach the history.

It works on JSON *text*, from left to right, and keeps every other byte as it was: nothing is
parsed, so nothing can be too deep, too large or too odd, and huge numbers stay what they are. A
text may have been cut anywhere: a secret that has no end is redacted to the end of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from string import ascii_lowercase, ascii_uppercase

from iii_triggers.conf import settings

MASK = "[redacted]"
ALWAYS = ("access_key",)
"""Keys that are redacted whatever the site says: they open channels of requests and responses."""
ESCAPE = b"\\u00"
ESCAPED_QUOTE = b'\\"'
ESCAPED_ESCAPE = b"\\" + ESCAPE

_MASKED_VALUE = f'"{MASK}"'.encode()
_MASKED_REST = f" {MASK}".encode()
_MASKED_PART = rb"\g<1>" + MASK.encode()
_SPACE = rb"[ \t\r\n]*+"
_REST = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
# A string without an end, and a backslash without what it escapes: the text was cut there.
_STRING = rb'"%s(?:"|\\?\Z)' % _REST
_STRINGS = re.compile(rb'"%s(?P<end>"|\\?\Z)' % _REST, re.DOTALL)
_PART_OF_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*+)\\(?:u[0-9a-fA-F]{0,3})?\Z")
_SCALAR = re.compile(rb'[^][{}",\s]++')
_REST_OF_STRING = re.compile(rb"%s(?:\\\Z)?" % _REST, re.DOTALL)
_STEPS = re.compile(rb"%s|([\[{]++)|([]}])" % _STRING, re.DOTALL)
_REST_OF_CHANNEL = re.compile(rb',"direction":"(?:read|write)"}')
_PLAIN = bytes.maketrans(ascii_uppercase.encode() + b"-", ascii_lowercase.encode() + b"_")
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r"}


def redact(text: bytes) -> tuple[bytes, bool]:
    """Return JSON text without the values of the site's secret keys, and whether it had any.

    Redacted are the whole value of such a key, whatever it is, and the rest of a string that
    begins like a header of that name (``"Set-Cookie: ..."``); also in strings that hold JSON, and
    in forms and addresses (``a=b&password=...``). Takes time linear in the text.
    The key of a channel goes too and does not count: nobody can use it when the run has ended.
    """
    text, has_secrets = _redact_values(text)
    for character, redact_strings in ((b"=", _redact_forms), (ESCAPED_QUOTE, _redact_json)):
        if character in text:
            redacted = redact_strings(text)
            has_secrets, text = has_secrets or redacted != text, redacted
    return text, has_secrets


def _redact_values(text: bytes) -> tuple[bytes, bool]:
    plain = text.translate(_PLAIN)
    find = _find_in(plain)
    found = find(plain, 0)
    if found is None:
        return text, False
    parts: list[bytes] = []
    done, has_secrets = 0, False
    while found is not None:
        value, string = found.end("key"), found.end("string")
        if value < 0:
            parts += (text[done : found.end()], _MASKED_REST)
            done = _end(_REST_OF_STRING, text, found.end())
        else:
            parts += (text[done:value], _MASKED_VALUE)
            done = string if string > 0 else _end_of_value(text, value)
        has_secrets = has_secrets or _REST_OF_CHANNEL.match(text, done) is None
        found = find(plain, done)
    parts.append(text[done:])
    return b"".join(parts), has_secrets


def redact_message(text: str) -> str:
    """Return the text of an error without what looks like a secret.

    That is the value in ``key=value``, ``key: value`` and ``"key": "value"`` with a secret key, a
    list or an object too, of ``Authorization: …`` and ``Cookie: …`` the rest of the line; and the
    password in ``scheme://user:password@host``.
    """
    if not text:
        return text
    text = _keys_in_messages(tuple(settings.III_HISTORY_REDACT)).sub(rf"\g<1>{MASK}", text)
    return _PASSWORD_IN_URL.sub(rf"\g<1>{MASK}", text)


def _redact_forms(text: bytes) -> bytes:
    keys = settings.III_HISTORY_REDACT
    if _latest_keys(keys).in_forms.search(text.translate(_PLAIN)) is None:
        return text
    return _keys_in_forms(tuple(keys)).sub(_MASKED_PART, text)


def _redact_json(text: bytes) -> bytes:
    plain = text.translate(_PLAIN)
    keys = _latest_keys(settings.III_HISTORY_REDACT).in_strings
    if ESCAPED_ESCAPE not in plain and keys.search(plain) is None:
        return text
    return _STRINGS.sub(_redact_string, text)


def _redact_string(match: re.Match[bytes]) -> bytes:
    """Redact a string that may hold JSON, which is written anew only if it had secrets.

    Each level doubles the backslashes: there are few, however long the text is.
    """
    string = match[0]
    if ESCAPED_QUOTE not in string:
        return string
    is_cut = match["end"] != b'"'
    whole = _PART_OF_ESCAPE.sub(rb"\1", string) + b'"' if is_cut else string
    try:
        inner = json.loads(whole.decode(errors="ignore"), strict=False)
        inner = inner.encode(errors="surrogatepass")
    except ValueError:
        return _MASKED_VALUE
    redacted, _has_secrets = redact(inner)
    if redacted == inner:
        return string
    text = json.dumps(redacted.decode(errors="surrogatepass")).encode()
    return text[:-1] if is_cut else text


def _end_of_value(text: bytes, start: int) -> int:
    if text[start : start + 1] not in (b"{", b"["):
        return _end(_SCALAR, text, start)
    depth = 0
    for step in _STEPS.finditer(text, start):
        depth += len(step[1] or b"") - len(step[2] or b"")
        if depth == 0:
            return step.end()
    return len(text)


def _end(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


def _find_in(plain: bytes) -> Callable[[bytes, int], re.Match[bytes] | None]:
    """Return what searches a text in which letters are small for secret keys."""
    keys = _latest_keys(settings.III_HISTORY_REDACT)
    return keys.escaped.search if ESCAPE in plain else keys.plain.search


def _latest_keys(keys: list[str]) -> _Keys:
    """Return the patterns of a setting; the same list is not looked at again."""
    global _latest
    latest = _latest
    if latest is None or latest[0] is not keys:
        latest = _latest = (keys, _keys_in_json(tuple(keys)))
    return latest[1]


@dataclass(frozen=True, slots=True)
class _Keys:
    """What finds a key with its colon, or a string that begins like a header."""

    plain: re.Pattern[bytes]
    escaped: re.Pattern[bytes]
    r"""Also finds keys some of whose characters are escaped (``\u0070``); takes thrice as long."""
    in_forms: re.Pattern[bytes]
    """Finds what may be a key of a form; most texts with a ``=`` have none."""
    in_strings: re.Pattern[bytes]
    r"""Finds what may be a key of JSON in a string, where quotes are escaped (``\"``)."""


_latest: tuple[list[str], _Keys] | None = None


@lru_cache(maxsize=8)
def _keys_in_json(keys: tuple[str, ...]) -> _Keys:
    known = _known(keys)
    escaped = _beginning_with([_character_in_json(key[0]) for key in known], map(_in_json, known))
    if not all(key.isascii() and key.isprintable() and not set('"\\/') & set(key) for key in known):
        anything = re.compile(b"")
        return _Keys(escaped, escaped, anything, anything)
    firsts = [re.escape(key[0]).encode() for key in known]
    tree = _tree([key.encode() for key in known])
    in_forms = re.compile(rb'[?&";6]%s=' % tree)
    in_strings = re.compile(re.escape(ESCAPED_QUOTE) + tree)
    return _Keys(_beginning_with(firsts, [tree]), escaped, in_forms, in_strings)


def _tree(keys: Iterable[bytes]) -> bytes:
    """Match one of the keys; each character of the text is looked at once."""
    branches = []
    for first, group in groupby(sorted(keys), key=lambda key: key[:1]):
        rests = [key[1:] for key in group]
        branches.append(re.escape(first) + (_tree(rests) if any(rests) else b""))
    return b"(?:%s)" % b"|".join(branches)


def _known(keys: tuple[str, ...]) -> list[str]:
    texts = (key.encode(errors="surrogatepass").translate(_PLAIN) for key in (*ALWAYS, *keys))
    return sorted({text.decode(errors="surrogatepass") for text in texts if text})


def _beginning_with(first: Iterable[bytes], names: Iterable[bytes]) -> re.Pattern[bytes]:
    """A quote after a backslash begins no string. To look ahead saves trying every key in vain."""
    begin = rb'"(?<!\\")(?=%s)(?:%s)' % (b"|".join(sorted(set(first))), b"|".join(names))
    end = rb'(?:(?P<key>"%s:%s)(?P<string>%s)?|:)' % (_SPACE, _SPACE, _STRING)
    return re.compile(begin + end, re.DOTALL)


def _in_json(key: str) -> bytes:
    return b"".join(_character_in_json(character) for character in key)


def _character_in_json(character: str) -> bytes:
    """Match a character as it is, and as every escape that JSON has for it."""
    escaped = "|".join(rf"\\u{code}" for code in _codes(character))
    if character in _SHORT_ESCAPES:
        escaped += "|" + re.escape(f"\\{_SHORT_ESCAPES[character]}")
    plain = re.escape(character).encode(errors="surrogatepass")
    return b"(?:%s|%s)" % (plain, escaped.encode())


def _codes(character: str) -> Iterator[str]:
    variants = "-_" if character == "_" else {character, character.upper()}
    for variant in variants if character.isascii() else character:
        units = variant.encode("utf-16-be", errors="surrogatepass").hex()
        yield r"\u".join(units[start : start + 4] for start in range(0, len(units), 4))


@lru_cache(maxsize=8)
def _keys_in_forms(keys: tuple[str, ...]) -> re.Pattern[bytes]:
    r"""Find ``key=value`` in a string; ``&`` may be escaped there (``\u0026``)."""
    names = "|".join(re.escape(key).replace("_", "[-_]") for key in _known(keys))
    value = rb'(?:[^&"\\\s]|\\(?!u0026)[^"])++'
    name = names.encode(errors="surrogatepass")
    return re.compile(rb'((?:[?&";]|u0026)(?:%s)=)%s' % (name, value), re.IGNORECASE)


@lru_cache(maxsize=8)
def _keys_in_messages(keys: tuple[str, ...]) -> re.Pattern[str]:
    known = _known(keys)
    headers = _alternatives(known, are_headers=True)
    others = _alternatives(known, are_headers=False)
    key = rf"(?<![\w-])(?:(?P<header>{headers})|{others})"
    sign = r"\\{0,8}[\"']?\s{0,8}(?:=>|={1,3}|:=?)\s{0,8}\\{0,8}"
    quoted_or_more = rf"(?:[bfru]{{1,2}}(?=[\"']))?{_QUOTED}++|{_bracketed(3)}|{_BRACKET}[^\n]*+"
    word = r"(?:(?:bearer|basic|digest|token) {1,8})?[^\s,;&\"'(){}\[\]]++"
    rest = rf"(?(header)[^\r\n]++|{word}(?:(?=\(){_bracketed(3)})?)"
    return re.compile(rf"({key}{sign})(?:{quoted_or_more}|{rest})", re.IGNORECASE | re.DOTALL)


def _alternatives(keys: Iterable[str], *, are_headers: bool) -> str:
    """Match one of the keys; values of these headers have many parts, down to the end of a line."""
    chosen = [key for key in keys if key.endswith(_HEADERS) == are_headers]
    return "|".join(re.escape(key).replace("_", "[-_]") for key in chosen) or r"(?!)"


def _bracketed(depth: int) -> str:
    """Match a list, an object or the arguments of a call, with so many levels in it."""
    within = rf"[^][(){{}}\"']++|{_QUOTED}" + (f"|{_bracketed(depth - 1)}" if depth else "")
    return rf"{_BRACKET}(?:{within})*+(?:[])}}]|\Z)"


_HEADERS = ("authorization", "cookie")
_QUOTED = r"(?:\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?)"
_BRACKET = r"[\[({]"
_PASSWORD_IN_URL = re.compile(r"(://[^\s/:@\"']{0,255}:)[^\s/@\"']{1,1024}(?=@)")
