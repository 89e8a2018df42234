"""What DNS says is checked, and what was checked is connected to."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.http_functions.addresses import Address
from iii_triggers.engine.http_functions.errors import UrlRefused
from iii_triggers.engine.http_functions.resolving import Resolver
from iii_triggers.protocol.errors import IiiError
from tests.support.http_target import HttpTarget
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


class Dns:
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = [[ip_address(text) for text in answer] for answer in answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def call(connect: Connect, engine: Engine, dns: Dns, url: str) -> IiiError:
    engine.invoker.http.resolve = dns
    worker = await connect()
    await worker.send("registerfunction", id="f", invocation={"url": url, "timeout_ms": 1000})
    with pytest.raises(IiiError) as failed:
        await ainvoke("f")
    return failed.value


async def test_a_name_of_a_private_address_is_refused(connect: Connect, engine: Engine) -> None:
    error = await call(connect, engine, Dns(["127.0.0.1"]), "https://evil.example/")
    assert (error.code, error.message) == ("url_validation_failed", "Private IP blocked")


async def test_one_private_address_among_public_ones_is_refused(
    connect: Connect, engine: Engine
) -> None:
    dns = Dns(["93.184.216.34", "::ffff:10.0.0.1"])
    assert (await call(connect, engine, dns, "https://evil.example/")).code == (
        "url_validation_failed"
    )


async def test_the_name_is_asked_for_once_and_the_answer_used(
    connect: Connect, engine: Engine, target: HttpTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Address] = []
    monkeypatch.setattr(
        "iii_triggers.engine.http_functions.resolving.check_address", checked.append
    )
    dns = Dns(["127.0.0.1"], ["127.9.9.9"])
    engine.invoker.http.resolve = dns
    worker = await connect()
    url = f"http://good.example:{target.port}/"
    await worker.send("registerfunction", id="f", invocation={"url": url})
    assert await ainvoke("f") == {"ok": True}
    assert (dns.asked, checked) == (["good.example"], [ip_address("127.0.0.1")])
    assert target.requests[0].headers["host"] == f"good.example:{target.port}"


async def test_an_answer_that_turns_private_is_refused_the_second_time(
    connect: Connect, engine: Engine, target: HttpTarget, settings: Any
) -> None:
    target.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    engine.invoker.http.resolve = Dns(["127.0.0.1"], ["169.254.169.254"])
    worker = await connect()
    url = f"http://turning.example:{target.port}/"
    await worker.send("registerfunction", id="f", invocation={"url": url})
    assert await ainvoke("f") is None
    with pytest.raises(UrlRefused, match="Private IP blocked"):
        await ainvoke("f")


async def test_the_next_address_is_tried(
    connect: Connect, engine: Engine, target: HttpTarget
) -> None:
    engine.invoker.http.resolve = Dns(["127.0.0.77", "127.0.0.1"])
    worker = await connect()
    url = f"http://two.example:{target.port}/"
    await worker.send("registerfunction", id="f", invocation={"url": url})
    assert await ainvoke("f") == {"ok": True}


async def test_a_name_that_does_not_exist() -> None:
    resolver = Resolver()
    with pytest.raises(UrlRefused, match=r"^DNS lookup failed$"):
        await resolver("name.invalid", 443)
    assert ip_address("127.0.0.1") in await resolver("localhost", 443)
    resolver.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for ``good.example``, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "good.pem"
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption())
    )
    return path


async def test_the_certificate_must_be_for_the_name_in_the_url(
    connect: Connect,
    engine: Engine,
    private: None,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    target = HttpTarget()
    await target.start(tls)
    target.reply("secret")
    try:
        error = await call(
            connect, engine, Dns(["127.0.0.1"]), f"https://other.example:{target.port}/"
        )
        assert error.code == "http_request_failed" and "verify failed" in error.message
        assert target.requests == []
        worker = await connect()
        url = f"https://good.example:{target.port}/"
        await worker.send("registerfunction", id="g", invocation={"url": url})
        assert await ainvoke("g") == "secret"
    finally:
        await engine.invoker.http.close()
        await target.stop()
