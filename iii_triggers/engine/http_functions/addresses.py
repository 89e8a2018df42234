"""Which addresses the engine connects to on behalf of a worker.

An explicit table instead of ``ipaddress.is_global``, whose answers differ between versions of
Python, and which knows nothing of addresses that hold another one inside.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


NEVER = _networks(
    "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
    "169.254.0.0/16",  # link-local, where clouds keep their metadata service
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "192.0.0.192/32",  # metadata of Oracle
    "168.63.129.16/32",  # the platform of Azure, in public space
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "::/128",  # unspecified
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, given up
    "fd00:ec2::254/128",  # metadata of AWS
    "fd20:ce::254/128",  # metadata of Google
    "ff00::/8",  # multicast
)
"""Not even with ``III_HTTP_FUNCTION_ALLOW_PRIVATE``."""

PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' NAT
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: routers on the way send it on to the IPv4 address inside
    "3fff::/20",  # documentation
)
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
TRANSLATED = _networks("64:ff9b:1::/48", "::ffff:0:0:0/96")
"""Prefixes of translators within one network: never public."""
COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Tell whether the engine may connect to an address; all forms of it are looked at."""
    forms = list(_forms(address))
    if any(_is_in(form, NEVER) for form in forms):
        return False
    return allow_private or all(_is_public(form) for form in forms)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_IPV6:
        # The prefixes of translators are judged by the address inside.
        return address in NAT64 or address.ipv4_mapped is not None
    return not _is_in(address, PRIVATE)


def _forms(address: Address) -> Iterable[Address]:
    """Yield an address and the IPv4 address that it may hold inside."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    holds_one = address.ipv4_mapped is not None or address in NAT64 or _is_compatible(address)
    if holds_one or _is_in(address, TRANSLATED):
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
        yield low


def _is_compatible(address: ipaddress.IPv6Address) -> bool:
    return address in COMPATIBLE and int(address) > 1


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
