"""The settings under soak that are shorter than the defaults: with those the same happens later."""

from __future__ import annotations

from iii_triggers.conf import Settings

SHORTER = {
    "III_RESEND_S": 2.0,
    "III_DELIVERY_TIMEOUT_S": 15.0,
    "III_LEASE_S": 20.0,
}


def described() -> str:
    """Return them with the defaults they stand for."""
    pairs = (
        f"{name} {value:g} (not {getattr(Settings, name):g})" for name, value in SHORTER.items()
    )
    return "shorter than by default: " + ", ".join(pairs)
