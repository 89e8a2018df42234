"""Channels: streams of binary and text messages beside a call (protocol reference, section 8)."""

from .channel import Channel, Direction, Message
from .registry import Channels, ChannelSource, channel_ref

__all__ = ["Channel", "ChannelSource", "Channels", "Direction", "Message", "channel_ref"]
