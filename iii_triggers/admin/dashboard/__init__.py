"""The dashboard: how the engine stands, on one page that keeps itself up to date."""

from .page import DashboardAdmin

__all__ = ["DashboardAdmin"]
