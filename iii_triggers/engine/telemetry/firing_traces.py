"""Traces of ``log`` firings: what is logged in one fires no trigger, or it would never end.

Every node can tell such a trace by its id alone: the second half is a keyed hash of the first.
SDKs carry the trace of a call on into their logs and into the calls they make in turn.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import blake2b

from django.conf import settings as site_settings

HALF_BYTES = 8


def new_traceparent() -> str:
    """Return a W3C trace context that ``is_firing`` recognises."""
    first = secrets.token_bytes(HALF_BYTES)
    return f"00-{first.hex()}{_tag(first)}-{secrets.token_hex(HALF_BYTES)}-01"


def is_firing(trace_id: str | None) -> bool:
    """Tell whether a trace began with a firing."""
    if trace_id is None or len(trace_id) != HALF_BYTES * 4:
        return False
    try:
        first = bytes.fromhex(trace_id[: HALF_BYTES * 2])
    except ValueError:
        return False
    return hmac.compare_digest(_tag(first).encode(), trace_id[HALF_BYTES * 2 :].lower().encode())


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace id of a trace context; None if there is none."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == HALF_BYTES * 4 else None


def _tag(first: bytes) -> str:
    key = site_settings.SECRET_KEY.encode()[:64]
    return blake2b(first, key=key, person=b"iii.log.firing", digest_size=HALF_BYTES).hexdigest()
