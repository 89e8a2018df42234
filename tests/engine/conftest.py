"""What the ledger would send is noted; a server to call."""

from __future__ import annotations

from tests.support.http_target_fixtures import private, target
from tests.support.ledger import close_batchers, messages

__all__ = ["close_batchers", "messages", "private", "target"]
