"""Reads the frames that workers send most itself, and leaves all others to ``websockets``.

That library parses in Python, and all kinds of frames alike. A *plain* frame (RFC 6455, section
5.2) is a whole message of text, masked, shorter than 64 KiB; it takes a quarter of the time here.
"""

from __future__ import annotations

from collections.abc import Callable

from websockets.protocol import OPEN, Protocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # where it came without its C extension
    from websockets.utils import apply_mask

PLAIN = 0x81
MASKED = 0x80
SHORT = 126  # the lengths below are in the second byte; this one says that two bytes follow
LONG = 127  # and this one that eight bytes do
FIRST_BYTES = frozenset([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A])
LONGEST_HEADER = 14
END_OF_REQUEST = b"\r\n\r\n"

INCOMPLETE = 0
INVALID = -1


class PlainFrames:
    """Cuts what a peer sends into frames, and gives each to who reads it, in order.

    It never judges: whatever is odd goes to the library, and all that comes after it.
    """

    def __init__(
        self,
        conn: Protocol,
        max_size: int,
        *,
        deliver: Callable[[list[str]], None],
        pass_on: Callable[[bytes], None],
    ) -> None:
        """``deliver`` takes the texts of plain frames, ``pass_on`` what is for the library."""
        self._conn = conn
        self._max_size = max_size
        self._deliver = deliver
        self._pass_on = pass_on
        self._fragments = _fragments_name(conn)
        self._is_asked = False
        self._gave_up = not self._fragments
        self._held = b""
        self._foreign_bytes = 0

    def receive(self, data: bytes) -> None:
        """Read what came."""
        if self._held:
            data = self._held + data
            self._held = b""
        position, end = 0, len(data)
        while position < end:
            if self._foreign_bytes:
                position = self._leave_part(data, position)
            elif self._gave_up or self._conn.state is not OPEN:
                self._leave_all(data[position:])
                return
            else:
                if getattr(self._conn, self._fragments) is None:
                    position = self._read(data, position)
                if position < end:
                    position = self._begin(data, position)

    def _read(self, data: bytes, start: int) -> int:
        """Deliver the plain frames that are complete; return where something else begins."""
        texts = []
        end, max_size = len(data), self._max_size
        while start + 6 <= end and data[start] == PLAIN:
            length = data[start + 1] - MASKED
            body = start + 6
            if length == SHORT:
                length = data[start + 2] << 8 | data[start + 3]
                body = start + 8
                if length < SHORT:
                    break
            elif not 0 <= length < SHORT:
                break
            stop = body + length
            if stop > end or length > max_size:
                break
            try:
                texts.append(apply_mask(data[body:stop], data[body - 4 : body]).decode())
            except UnicodeDecodeError:
                break
            start = stop
        if texts:
            self._deliver(texts)
        return start

    def _begin(self, data: bytes, start: int) -> int:
        """Begin with what is no plain frame, or not yet one; return where to go on."""
        header = data[start : start + LONGEST_HEADER]
        size = _size(header, self._max_size)
        if size == INVALID:
            self._gave_up = True
        elif size == INCOMPLETE or (_may_be_plain(header) and start + size > len(data)):
            self._held = data[start:]
            return len(data)
        else:
            self._foreign_bytes = size
        return start

    def _leave_part(self, data: bytes, start: int) -> int:
        """Leave what came of a frame to the library at once, for it may be a large one."""
        part = data[start : start + self._foreign_bytes]
        self._foreign_bytes -= len(part)
        self._pass_on(part)
        return start + len(part)

    def _leave_all(self, data: bytes) -> None:
        if self._is_asked:
            self._gave_up = True
            self._pass_on(data)
        else:
            self._leave_request(data)

    def _leave_request(self, data: bytes) -> None:
        """Leave the request; where frames begin is known only if it came whole and alone."""
        self._is_asked = True
        self._pass_on(data)
        is_alone = data.partition(END_OF_REQUEST)[1:] == (END_OF_REQUEST, b"")
        # Frames mean something else to an extension, and who debugs them wants to see all.
        if not is_alone or self._conn.extensions or self._conn.debug:
            self._gave_up = True


def _fragments_name(conn: Protocol) -> str:
    """Return the attribute that is not None within a fragmented message; "" if there is none."""
    names = ("current_size", "cur_size")  # the second one is that of websockets < 16
    return next((name for name in names if hasattr(conn, name)), "")


def _may_be_plain(header: bytes) -> bool:
    return header[0] == PLAIN and header[1] != MASKED | LONG


def _size(header: bytes, max_size: int) -> int:
    """Return how many bytes a frame has, as far as the library would read it to its end."""
    if header[0] not in FIRST_BYTES:
        return INVALID
    if len(header) < 2:
        return INCOMPLETE
    code = header[1] - MASKED
    more = {SHORT: 2, LONG: 8}.get(code, 0)
    if len(header) < 2 + more:
        return INCOMPLETE
    length = int.from_bytes(header[2 : 2 + more], "big") if more else code
    return 2 + more + 4 + length if 0 <= length <= max_size else INVALID
