"""What the ledger would send is noted."""

from __future__ import annotations

from tests.support.ledger import close_batchers, messages

__all__ = ["close_batchers", "messages"]
