"""Options that ``runengine`` refuses before it opens anything."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.django_db
def test_two_doors_with_one_port_are_refused() -> None:
    with pytest.raises(CommandError, match=r"^Two doors have the same port\.$"):
        call_command("runengine", port=8000, http_port=8000)


@pytest.mark.django_db
def test_a_process_without_a_door_is_refused() -> None:
    with pytest.raises(CommandError, match="there is nothing to serve"):
        call_command("runengine", port=0, http_port=0, worker_port=0, stream_port=0)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "", "80.5"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(CommandError, match=f"argument --port: invalid port number: '{port}'"):
        call_command("runengine", f"--port={port}")
