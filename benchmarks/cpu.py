"""How much a process has worked, as the system tells; what else the machine does changes little."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Return the seconds that all threads of a process have computed, the kernel's for it too."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    # The name of the program, in brackets, may hold anything.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
