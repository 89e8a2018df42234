"""Where the engine connects to, and where it does not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from iii_triggers.engine.http_functions.addresses import is_allowed

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111"]
PUBLIC += ["2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:4860:4860::8888"]

PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.255.0.1"]
PRIVATE += ["100.64.0.1", "100.127.255.255", "192.0.2.1", "198.51.100.7", "203.0.113.9"]
PRIVATE += ["198.18.0.1", "192.0.0.8", "192.88.99.1", "::1", "fc00::1", "fd12::1", "2001:db8::1"]
PRIVATE += ["::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1"]
PRIVATE += ["2002:7f00:1::", "2002:a00:1::", "2002:808:808::", "::127.0.0.1", "3fff::1"]
PRIVATE += ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::a00:1", "100::1", "2001:2::1"]
PRIVATE += ["5f00::1", "4000::1", "2001:10::1", "2001:20::1", "2606:4700::5efe:10.0.0.1"]

NEVER = ["0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1"]
NEVER += ["255.255.255.255", "168.63.129.16", "100.100.100.200", "::", "fe80::1", "ff02::1"]
NEVER += ["fec0::1", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
NEVER += ["2002:a9fe:a9fe::", "::169.254.169.254", "::ffff:0.0.0.0", "::ffff:224.0.0.1"]

NEVER += ["64:ff9b:1::a9fe:a9fe", "::ffff:0:169.254.169.254", "fd20:ce::254", "192.0.0.192"]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_allowed(ip_address(text), allow_private=False)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_allowed_on_request_only(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=False)
    assert is_allowed(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_never_allowed(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=False)
    assert not is_allowed(ip_address(text), allow_private=True)
