"""What identical triggers share: triggers of one identity act as one (design, section 6)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

DIGITS = 40

_encoder = msgspec.json.Encoder(order="deterministic")


def identity_of(type_id: str, *parts: Any) -> str:
    """Return the identity of a trigger: its type's id, and a hash of the JSON values ``parts``."""
    digest = hashlib.sha256(_encoder.encode(parts)).hexdigest()
    return f"{type_id}:{digest[:DIGITS]}"


def type_of(identity: str) -> str:
    """Return the id of the trigger type that made an identity."""
    return identity.partition(":")[0]
