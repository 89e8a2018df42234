"""A real HTTP server on loopback whose answers a test writes, byte by byte."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

DEADLINE_S = 5.0


@dataclass(slots=True, kw_only=True)
class Received:
    """A request that came: header names are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class HttpTarget:
    """Answers every request with ``answer``; ``hangs`` answers none."""

    answer: bytes = b""
    hangs: bool = False
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)

    async def stop(self) -> None:
        """Close everything."""
        if self.server is not None:
            self.server.close()
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.server is not None
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/run"

    def reply(
        self, body: Any = None, *, status: str = "200 OK", headers: str = "", raw: bytes = b""
    ) -> None:
        """Answer with JSON, or with these very bytes as the body, from now on."""
        content = raw or (b"" if body is None else json.dumps(body).encode())
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
        self.answer = head.encode() + content

    async def arrived(self, number: int = 1) -> list[Received]:
        """Return the requests once there are ``number``."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.requests) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Received(line=head[0], headers=headers, body=body))
        self._arrived.set()
        if self.hangs:
            return True
        writer.write(self.answer)
        await writer.drain()
        if b"Connection: close" in self.answer:
            writer.close()
            return False
        return True
