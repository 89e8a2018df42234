"""Lists whose rows are shown with figures from elsewhere, read for the whole page at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class AttachingList(ChangeList):
    """Hands the rows of the page to ``attach`` of its ``model_admin`` before they are shown."""

    model_admin: Any

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then what belongs to its rows."""
        super().get_results(request)
        rows: Sequence[Any] = list(self.result_list)
        self.model_admin.attach(rows)
        self.result_list = rows
