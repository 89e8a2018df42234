"""WebSocket close codes. All abnormal: after a normal or empty close old Python SDKs give up.

Protocol reference, section 1.6.
"""

from __future__ import annotations

RESTARTING = 1012
"""Come back: to this node or another."""

TOO_BIG = 1009
"""A frame, or what waits, is too large."""

UNAUTHORIZED = 4401
"""Who connects is not let in, or not any more."""
