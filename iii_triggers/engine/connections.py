"""The engine's side of one connected worker."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from iii_triggers.protocol.codec import encode
from iii_triggers.protocol.errors import PayloadTooLarge

from .access.names import OwnNames
from .access.sessions import OPEN, Session
from .gate import FrameGate

if TYPE_CHECKING:
    from iii_triggers.protocol.messages import Message

    from .calls import Pending

MIB = 1024 * 1024


class Transport(Protocol):
    """What carries frames to a worker; the consumer is one."""

    def send_text(self, text: str) -> None:
        """Queue a frame without waiting. Raise ChannelSendFailed when the socket is closed."""

    def close(self, code: int) -> None:
        """End the connection with this WebSocket close code."""


@dataclass(slots=True, kw_only=True)
class WorkerInfo:
    """What a worker tells of itself (protocol reference, section 7.1)."""

    name: str | None = None
    description: str | None = None
    runtime: str = "unknown"
    version: str = ""
    os: str = ""
    pid: int | None = None
    isolation: str | None = None
    telemetry: dict[str, str] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class WorkerConnection:
    """One worker socket. It is its own epoch: cleanup removes only what this object still owns."""

    transport: Transport
    ip: str = ""
    namespace: str = "default"
    worker_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    reattach_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    connected_at_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    info: WorkerInfo = field(default_factory=WorkerInfo)
    gate: FrameGate = field(default_factory=FrameGate)
    session: Session = OPEN
    names: OwnNames = field(default_factory=OwnNames)
    registered: bool = False
    spoke: bool = False
    """Whether a protocol message ever came; telemetry sockets of old SDKs never send one."""
    closed: bool = False
    draining: bool = False
    """Whether it is to get no new calls: it finishes what it has and goes."""
    malformed_frames: int = 0
    last_frame_at: float = field(default_factory=time.monotonic)
    """When the last frame came, on the monotonic clock."""
    invocations: int = 0
    """How many calls the worker was sent."""
    failures: int = 0
    """How many of them ended with an error."""
    measured: tuple[float, int, int] | None = None
    """What its row tells of it."""
    round_trip_s: float = 1.0
    """What the fastest call without a result took; a frame and its answer take not more."""
    function_ids: set[str] = field(default_factory=set)
    trigger_ids: set[str] = field(default_factory=set)
    trigger_type_keys: set[tuple[str, str]] = field(default_factory=set)
    executing: dict[str, Pending] = field(default_factory=dict)
    calling: set[Pending] = field(default_factory=set)

    @property
    def identity(self) -> tuple[str, int, str] | None:
        """What a reconnecting worker keeps: name, pid and address; None while unknown.

        The address, because in containers every replica may have the same name and pid 1.
        """
        if self.info.name is None or self.info.pid is None:
            return None
        return (self.info.name, self.info.pid, self.ip)

    @property
    def sdk_version(self) -> tuple[int, ...] | None:
        """The SDK version as numbers; None if it is unknown or not made of numbers."""
        return version_numbers(self.info.version)

    @property
    def receive_limit(self) -> int:
        """Bytes of the largest frame the worker takes (protocol reference, section 1.1).

        Python SDKs before 0.24.6 drop the connection on a frame over 1 MiB.
        """
        version = self.sdk_version
        if self.info.runtime == "python" and version is not None and version < (0, 24, 6):
            return MIB
        return 64 * MIB

    def begin(self, pending: Pending) -> None:
        """Note a call that the worker was sent."""
        self.executing[pending.id] = pending
        self.invocations += 1

    def end(self, invocation_id: str, *, failed: bool) -> None:
        """Note that a call of it has ended."""
        self.executing.pop(invocation_id, None)
        self.failures += failed

    def send(self, message: Message) -> None:
        """Queue a frame. Raise PayloadTooLarge or ChannelSendFailed if it cannot be sent."""
        self.transport.send_text(self.frame(message))

    def frame(self, message: Message) -> str:
        """Return the frame of a message. Raise PayloadTooLarge if the worker would not take it."""
        text = encode(message)
        # A character is at most four bytes of UTF-8: short texts need no exact count.
        if len(text) * 4 > MIB and len(text.encode()) > self.receive_limit:
            raise PayloadTooLarge(f"The worker takes frames of {self.receive_limit} bytes at most.")
        return text

    def close(self, code: int = 1012) -> None:
        """End the connection; 1012 makes every published SDK come back (section 1.6)."""
        self.transport.close(code)


def version_numbers(version: str) -> tuple[int, ...] | None:
    """Return a version as numbers; None if it is not made of numbers."""
    try:
        return tuple(int(part) for part in version.split(".")[:3])
    except ValueError:
        return None
