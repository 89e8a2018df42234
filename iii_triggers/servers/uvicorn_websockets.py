"""uvicorn's WebSockets, which lose patience with a peer that they themselves do not read.

While an application takes no messages, uvicorn reads none, nor the answers to its own pings, and
would close the connection after 20 to 40 s: a channel's writer must outlast a slow reader. It also
reports the same code for a connection that broke as for a close without a code.
"""

from __future__ import annotations

import logging
import struct
from asyncio import Event
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol
from websockets.protocol import OPEN, Protocol

from .joined_writes import JoiningTransport
from .plain_frames import PlainFrames

BROKEN = 1006
INVALID_DATA = 1007

logger = logging.getLogger(__name__)


class PatientProtocol(AutoWebSocketsProtocol):  # type: ignore[misc,valid-type]  # chosen at run time
    """uvicorn's WebSocket protocol; what it overrides is there in the newer ones of uvicorn."""

    loop: Any
    transport: Any
    pong_timer: Any
    read_paused: bool
    curr_msg_data_type: str
    frames: list[bytes]
    conn: Any
    close_sent: bool
    writable: Event
    plain_frames: PlainFrames | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to serve a connection."""
        if isinstance(transport, JoiningTransport):
            transport.become_websocket()
        super().connection_made(transport)
        conn = getattr(self, "conn", None)
        if isinstance(conn, Protocol):  # other protocols of uvicorn have none or another one
            self.plain_frames = PlainFrames(
                conn, self.config.ws_max_size, deliver=self._deliver, pass_on=self._pass_on
            )

    def data_received(self, data: bytes) -> None:
        """Take what came; what comes before the application took the last message is enough."""
        if self.read_paused and isinstance(self.transport, JoiningTransport):
            self.transport.pause_now()
        if self.plain_frames is not None:
            self.plain_frames.receive(data)
        else:
            super().data_received(data)

    def _pass_on(self, data: bytes) -> None:
        # Closed by a frame before, in the same piece: uvicorn would stumble over what follows.
        if not self.transport.is_closing():
            super().data_received(data)

    def _deliver(self, texts: list[str]) -> None:
        """Give texts to the application as ``send_receive_event_to_app`` does, all at once."""
        for text in texts:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def send_receive_event_to_app(self) -> None:
        """Close a connection whose text is no UTF-8 (RFC 6455, section 8.1) without a traceback.

        Anybody may send such text, and uvicorn logs it as an error of the server.
        """
        is_text = self.curr_msg_data_type == "text"
        if is_text and not self.close_sent and not _is_utf8(self.frames):
            self.frames = []
            logger.warning("A peer sent text that is no UTF-8.")
            if self.conn.state is OPEN:  # else the peer closes already, in the same piece
                self.conn.send_close(INVALID_DATA)
                self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def write_text(self, text: str) -> bool:
        """Write a text frame now, if ``send`` would neither wait nor refuse it; tell whether."""
        if self.plain_frames is None or not self._can_write():
            return False
        try:
            payload = text.encode()
        except UnicodeEncodeError:
            return False
        self.transport.write(_header(len(payload)) + payload)
        return True

    def _can_write(self) -> bool:
        conn = self.conn
        return (
            # It is open from the answer to the request until a close is sent, whoever sends it.
            conn.state is OPEN
            and self.writable.is_set()
            and not conn.extensions
            and not conn.debug
            and not self.transport.is_closing()
        )

    async def send(self, message: Any) -> None:
        """Send a message; an upgrade that was answered with an HTTP error is over, not undone."""
        await super().send(message)
        if isinstance(message, dict) and message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def keepalive_timeout(self) -> None:
        """Drop a peer that does not answer, unless its answer is not read."""
        if self.read_paused:
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            super().keepalive_timeout()
            # Not first what was written: who does not answer need not take it for many minutes.
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application whether the peer closed or just went."""
        connection = getattr(self, "conn", None)
        if getattr(connection, "close_rcvd", exc) is None and self.handshake_complete:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": BROKEN})
        super().connection_lost(exc)


def _header(length: int) -> bytes:
    """Return the header of a whole message of text, of a server (RFC 6455, section 5.2)."""
    if length < 126:
        return b"\x81%c" % length
    if length < 65536:
        return struct.pack("!BBH", 0x81, 126, length)
    return struct.pack("!BBQ", 0x81, 127, length)


def _is_utf8(parts: Sequence[bytes]) -> bool:
    if len(parts) == 1 and parts[0].isascii():
        return True
    try:
        b"".join(parts).decode()
    except UnicodeDecodeError:
        return False
    return True
