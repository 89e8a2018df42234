"""A site that is measured or maltreated: its database, its environment and its processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import READY_S, environment
from tests.support.closing import Closing

from .crews import Crew, Member, OnLine
from .databases import Database

MIGRATED_S = 120.0


class Site(Closing):
    """A migrated site with nothing running; all its processes end with the block.

    Its functions find ``NOTES_FOLDER`` in the environment; ``on_line`` is that of the crew.
    """

    def __init__(
        self,
        *,
        settings: str,
        folder: Path,
        database: Database,
        on_line: OnLine | None = None,
        **variables: str,
    ) -> None:
        self.folder = folder
        self.database = database
        defaults = {"DEBUG": "false", "SECRET_KEY": "only-for-benchmarks"}
        self._environment = environment(
            DATABASE_URL=database.url,
            DJANGO_SETTINGS_MODULE=settings,
            NOTES_FOLDER=str(folder),
            **{**defaults, **variables},
        )
        self.crew = Crew(self._environment, on_line=on_line)
        # Apps of benchmarks have no migrations.
        self.run("manage.py", "migrate", "--run-syncdb", "--verbosity=0", timeout_s=MIGRATED_S)

    def close(self) -> None:
        """End what was opened."""
        self.crew.end()

    def run(self, *words: str, timeout_s: float = READY_S) -> str:
        """Run Python to its end and return what it printed; raise if it failed."""
        done = self.try_run(*words, timeout_s=timeout_s)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words[:3])} ended with {done.returncode}")
        return done.stdout

    def try_run(self, *words: str, timeout_s: float = READY_S) -> subprocess.CompletedProcess[str]:
        """Run Python to its end, whatever that is."""
        return subprocess.run(
            [sys.executable, *words],
            env=self._environment,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
        )


def engine(site_port: int, http_port: int, worker_port: int) -> Member:
    """Return a ``runengine`` on three ports, without stream clients."""
    ports = {"--port": site_port, "--http-port": http_port, "--worker-port": worker_port}
    ports["--stream-port"] = 0
    words = [str(word) for pair in ports.items() for word in pair]
    command = [sys.executable, "manage.py", "runengine", *words]
    return Member(name="engine", command=command, ready="ready")


def celery(*words: str, name: str) -> Member:
    """Return a Celery process of the site."""
    command = [sys.executable, "-m", "celery", "-A", "iii_project", *words, "--loglevel", "WARNING"]
    return Member(name=name, command=command)
