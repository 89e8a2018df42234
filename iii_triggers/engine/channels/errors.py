"""What can go wrong with a channel."""

from __future__ import annotations

from iii_triggers.protocol.errors import IiiError


class ChannelNotFound(IiiError):
    """Channel not found: it has ended, its key is wrong, or it lives in another process"""

    code = "channel_not_found"


class ChannelTaken(IiiError):
    """This side of the channel was taken before."""

    code = "channel_taken"


class ChannelClosed(IiiError):
    """Nobody reads the channel any more."""

    code = "channel_closed"


class ChannelBroken(IiiError):
    """The writer of the channel went away before it was done."""

    code = "channel_broken"
