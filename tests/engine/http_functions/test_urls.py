"""The policy for URLs, as far as it needs no DNS."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.http_functions.errors import UrlRefused
from iii_triggers.engine.http_functions.urls import check_url

INVALID = ["", "x", "/path", "ftp://a.example/", "file:///etc/passwd", "https://", "https:///x"]
INVALID += ["https://user@a.example/", "https://user:pw@a.example/", "https://a.example@10.0.0.1/"]
INVALID += ["https://@a.example/", "https://a.example:0/", "https://a.example:99999/"]
INVALID += ["https://a.example:x/", "https://a .example/", "https://a.example/\r\nX: y"]
INVALID += ["https://a.example\\@b.example/", "https://bücher.example/", "https://[::1/"]
INVALID += ["https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/"]
INVALID += ["https://1.2.3.0x4/", "https://[fe80::1%25eth0]/", "https://a..example/", "https://-a/"]
INVALID += ["https://a%2eexample/", "https://a.example/" + "x" * 5000, "javascript:alert(1)"]
INVALID += ["https://a.example/\x00", "https://[::ffff:1.2.3.4.5]/"]

PRIVATE = ["127.0.0.1", "[::1]", "10.0.0.1:8443", "localhost", "LOCALHOST.", "x.localhost"]
PRIVATE += ["[::ffff:169.254.169.254]", "169.254.169.254", "[64:ff9b::7f00:1]", "0.0.0.0"]


@pytest.mark.parametrize("url", INVALID)
def test_what_is_no_plain_url_is_invalid(url: str) -> None:
    with pytest.raises(UrlRefused, match=r"^Invalid URL$") as refused:
        check_url(url)
    assert refused.value.code == "url_validation_failed"


@pytest.mark.parametrize("host", PRIVATE)
def test_private_hosts_are_blocked(host: str) -> None:
    with pytest.raises(UrlRefused, match=r"^Private IP blocked$"):
        check_url(f"https://{host}/")


def test_https_is_required_unless_the_site_says_otherwise(settings: Any) -> None:
    with pytest.raises(UrlRefused, match=r"^HTTPS is required$"):
        check_url("http://a.example/")
    settings.III_HTTP_FUNCTION_REQUIRE_HTTPS = False
    assert check_url("http://a.example/").port == 80


def test_hosts_must_match_the_list(settings: Any) -> None:
    settings.III_HTTP_FUNCTION_ALLOWED_HOSTS = ["*.example.com", "jobs.internal"]
    assert check_url("https://A.Example.COM./x").host == "a.example.com"
    assert check_url("https://jobs.internal").target == "/"
    for host in ("example.com", "a.example.com.evil.org", "evilexample.com"):
        with pytest.raises(UrlRefused, match=r"^URL not in allowlist$"):
            check_url(f"https://{host}/")
    settings.III_HTTP_FUNCTION_ALLOWED_HOSTS = []
    with pytest.raises(UrlRefused, match=r"^URL not in allowlist$"):
        check_url("https://a.example.com/")


@pytest.mark.parametrize("port", [22, 25, 110, 143, 465, 1023])
def test_ports_of_other_services_are_blocked(port: int, settings: Any) -> None:
    with pytest.raises(UrlRefused, match=r"^Port not allowed$"):
        check_url(f"https://a.example:{port}/")
    settings.III_HTTP_FUNCTION_ALLOW_PRIVATE = True
    assert check_url(f"https://a.example:{port}/").port == port


def test_the_parts_are_kept_as_they_are() -> None:
    url = check_url("https://a.example:8443/x/%2e%2e/y?q=1&r=%20#fragment")
    assert (url.host, url.port, url.target) == ("a.example", 8443, "/x/%2e%2e/y?q=1&r=%20")
    assert url.netloc == "a.example:8443"
    assert check_url("https://[2606:4700::1]/").netloc == "[2606:4700::1]"
    assert check_url("https://a.example?q=1").target == "/?q=1"
