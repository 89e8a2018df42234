"""A real nginx with the configuration of docs/deploy, before two processes of a site."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.eventually import eventually
from tests.e2e.processes import Process, environment, free_ports
from tests.processes.requests import send
from tests.support.closing import Closing

from .recipes import fitted, tool, write

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(Closing):
    """nginx on a free port with files of its own; the service of the system is left alone."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        program = tool("nginx")
        (self.port,) = free_ports(1)
        path = write(folder / "nginx.conf", _configuration(folder, self.port, ports))
        command = [program, "-p", str(folder), "-c", str(path), "-e", "stderr", "-g", "daemon off;"]
        self.process = Process("nginx", command, env=environment(), cwd=folder)
        try:
            eventually(self._answers, bool)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it, and its own processes with it."""
        self.process.terminate()
        self.process.wait()

    def reload(self) -> None:
        """Have it read its configuration again, as ``nginx -s reload`` does."""
        os.kill(self.process.pid, signal.SIGHUP)

    def _answers(self) -> bool:
        try:
            return send(self.port, "GET", "/iii/healthz").status == 200
        except ConnectionError:
            return False


def _configuration(folder: Path, port: int, ports: Sequence[int]) -> str:
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    return fitted(
        "nginx.conf",
        {
            "user www-data;": "user root;" if os.geteuid() == 0 else "",
            "worker_processes auto": "worker_processes 1",
            "worker_rlimit_nofile 65536;": "",
            "worker_connections 16384": "worker_connections 256",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/error.log": "stderr",
            "/var/log/nginx/access.log": "off",
            "server_tokens off;": f"server_tokens off;\n{temporary}",
            "worker_shutdown_timeout 30s": "worker_shutdown_timeout 1s",
            "listen 80": f"listen 127.0.0.1:{port}",
            "127.0.0.1:8001": f"127.0.0.1:{ports[0]}",
            "127.0.0.1:8002": f"127.0.0.1:{ports[1]}",
        },
    )
