"""``python -m benchmarks.cluster``: run a cluster on this machine until Ctrl-C.

What it stores stays in the database ``iii_cluster`` of the local PostgreSQL. A process that ends is
started again, as a service manager does: kill one and see.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from benchmarks.databases import kept_database
from benchmarks.ports import HOST
from benchmarks.sites import Site
from tests.support.redis_databases import redis_database
from tests.support.services import ServiceUnavailable

from .cluster import Cluster, Shape

DATABASE = "iii_cluster"
LOOK_S = 1.0


def main() -> int:
    """Run the cluster; return the exit code."""
    shape = _shape()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        try:
            cluster = _cluster(shape, stack)
        except ServiceUnavailable as reason:
            print(reason, file=sys.stderr)
            return 1
        stack.callback(cluster.site.crew.stop)
        cluster.start()
        print("\n".join(_doors(cluster)), flush=True)
        _watch(cluster)
    return 0


def _cluster(shape: Shape, stack: ExitStack) -> Cluster:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="iii-cluster-"))
    site = Site(
        settings="iii_project.settings",
        folder=Path(folder),
        database=kept_database(DATABASE),
        on_line=_show,
        DEBUG="true",
        REDIS_URL=stack.enter_context(redis_database()),
        CELERY_BROKER_URL=stack.enter_context(redis_database()),
    )
    return Cluster(stack.enter_context(site), shape)


def _doors(cluster: Cluster) -> Iterator[str]:
    for name, port in cluster.doors.items():
        yield f"{name}: http://{HOST}:{port}/admin/, HTTP triggers below /iii/http/"
        yield f"{name}: workers {cluster.worker_url(name)}, streams {cluster.stream_url(name)}"
    yield f"database: {cluster.site.database.url}"
    yield "ready"


def _watch(cluster: Cluster) -> None:
    """Start again what ends, until somebody presses Ctrl-C."""
    while True:
        time.sleep(LOOK_S)
        for process in cluster.site.crew.ended():
            _show(process.name, f"ended with {process.wait()}; started again")
            cluster.site.crew.restart(process.name)


def _show(name: str, line: str) -> None:
    print(f"{name:<10} {line}", flush=True)


def _shape() -> Shape:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--asgi", type=int, default=3, help="ASGI processes (%(default)s)")
    parser.add_argument("--celery", type=int, default=2, help="Celery workers (%(default)s)")
    parser.add_argument("--beats", type=int, default=2, help="beats (%(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="the first port (%(default)s)")
    options = parser.parse_args()
    ports = tuple(range(options.port, options.port + options.asgi))
    return Shape(ports=ports, celery=options.celery, beats=options.beats)


if __name__ == "__main__":
    sys.exit(main())
