"""Whether who connects is a process of this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Container

FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")


def is_local(address: str, header_names: Container[str]) -> bool:
    """Tell whether a peer is on this machine, and does not speak for one that may not be.

    ``header_names`` are in lower case. A proxy need not say that it is one.
    """
    return _is_loopback(address) and not any(name in header_names for name in FORWARDING_HEADERS)


def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback
