"""A new Django project and the steps of the README give a serving trigger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.processes import READY_S, Process, environment, free_ports
from tests.processes.requests import send

from .packaging import install, run
from .readme import Steps, steps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ADDITIONS = {"mysite/settings.py", "mysite/urls.py"}


@dataclass(frozen=True, slots=True)
class NewSite:
    """A project that followed the README, in an environment with nothing but the wheel."""

    commands: Path
    folder: Path

    def manage(self, *words: str) -> str:
        """Run a management command and return what it printed."""
        return run([str(self.commands / "python"), "manage.py", *words], cwd=self.folder)


@pytest.fixture(scope="module")
def readme() -> Steps:
    """The steps."""
    return steps()


@pytest.fixture(scope="module")
def site(readme: Steps, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> NewSite:
    """The new project, up to the commands."""
    folder = tmp_path_factory.mktemp("new")
    commands = install(wheel, readme.requirement, folder=folder)
    run([str(commands / "django-admin"), "startproject", "mysite"], cwd=folder)
    for path, code in readme.files.items():
        file = folder / "mysite" / path
        given = file.read_text() if path in ADDITIONS else ""
        file.write_text(f"{given}\n{code}")
    return NewSite(commands, folder / "mysite")


@pytest.fixture(scope="module")
def engine(readme: Steps, site: NewSite) -> Iterator[int]:
    """``migrate`` and ``runengine``, on ports that are free; the port of HTTP triggers."""
    migrate, runengine, _ = readme.commands
    assert migrate == "python manage.py migrate"
    assert runengine == "python manage.py runengine"
    site.manage("migrate")
    port, http_port, worker_port, stream_port = map(str, free_ports(4))
    ports = ["--port", port, "--http-port", http_port, "--worker-port", worker_port]
    ports += ["--stream-port", stream_port]
    command = [str(site.commands / "python"), "manage.py", "runengine", *ports]
    process = Process("runengine", command, env=environment(), cwd=site.folder)
    try:
        process.wait_for(lambda line: line == "ready", timeout_s=READY_S, what="ready")
        yield int(http_port)
        process.terminate()
        assert process.wait() == 0, process.tail()
        assert "Traceback" not in process.tail()
    finally:
        process.kill()


def test_the_readme_names_the_files_of_a_site(readme: Steps) -> None:
    assert set(readme.files) == ADDITIONS | {"mysite/asgi.py", "mysite/functions.py"}


def test_the_trigger_answers(readme: Steps, engine: int) -> None:
    curl, _, address = readme.commands[-1].partition(" ")
    url = urlsplit(f"http://{address}")
    assert (curl, url.netloc) == ("curl", "localhost:3111")
    answer = send(engine, "GET", url.path)
    assert (answer.status, answer.body) == (200, {"message": "Hello, Ada!"})


def test_the_checks_find_nothing(site: NewSite) -> None:
    assert site.manage("check") == "System check identified no issues (0 silenced).\n"


def test_there_is_nothing_to_migrate(site: NewSite) -> None:
    assert site.manage("makemigrations", "--check", "--dry-run") == "No changes detected\n"


def test_runworker_is_ours(site: NewSite) -> None:
    assert "--concurrency" in site.manage("runworker", "--help")


def test_the_client_needs_no_django(site: NewSite) -> None:
    code = "import sys, iii_triggers.sdk; sys.exit('django' in sys.modules)"
    run([str(site.commands / "python"), "-c", code], cwd=site.folder)
