"""The integration tests in the source packages of PyPI ``iii-sdk``, unmodified.

Those files are run that talk to an engine; the others try the SDK alone. They find the engine
through the variables they read, and each version has an engine of its own: their functions, routes
and topics have the same names in every version.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.engines import Engine
from tests.e2e.environments import Sdk, run_step
from tests.e2e.processes import environment, free_ports

from .versions import sdk_of

# One of each time: the first with such tests, the blocking client, access control, the last with
# everything in one package, and the newest.
VERSIONS = ("0.4.1", "0.9.0", "0.11.2", "0.19.7", "0.25.0")
TOOLS = ("pytest>=8", "pytest-asyncio>=0.23", "aiohttp>=3.9", "anyio>=4")
TALKS_TO_AN_ENGINE = re.compile(r"iii_client|III_URL|III_BRIDGE_URL|ENGINE_WS_URL")
RUN_S = 400.0
SETTINGS = f"{__package__}.shipped_site"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tests passed, which did not, and the end of the output."""

    passed: int
    failed: list[str]
    text: str


def sdk_with_tests(version: str) -> Sdk:
    """Return an environment with the SDK and what its tests need."""
    plain = sdk_of("pypi", version)
    return Sdk(
        name=f"pypi-{version} with its tests",
        registry="pypi",
        version=f"{version}-tests",
        program=plain.program,
        requirements=(*plain.requirements, *TOOLS),
    )


def run(version: str, *, folder: Path) -> Outcome:
    """Run the tests of a version against an engine of its own.

    Raise SdkUnavailable where the package cannot be had.
    """
    sdk = sdk_with_tests(version)
    sdk.command()
    source = _source(sdk, version)
    (listener_port,) = free_ports(1)
    engine = Engine(
        server="auto",
        folder=folder / "engine",
        settings=SETTINGS,
        SHIPPED_LISTENER_PORT=str(listener_port),
    )
    try:
        engine.start()
        return _tested(sdk, source, engine, listener_port)
    finally:
        for process in engine.runs:
            process.kill()


def _tested(sdk: Sdk, source: Path, engine: Engine, listener_port: int) -> Outcome:
    files = [
        str(path.relative_to(source))
        for path in sorted((source / "tests").glob("test_*.py"))
        if TALKS_TO_AN_ENGINE.search(path.read_text())
    ]
    # Its own file, even if it says nothing of pytest: else pytest finds ours, further up.
    options = [
        "-q",
        "-c",
        "pyproject.toml",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "-rfE",
        "--tb=short",
    ]
    done = subprocess.run(
        [sdk.home / "bin" / "python", "-m", "pytest", *options, *files],
        cwd=source,
        env=environment(
            III_URL=engine.worker_url,
            III_BRIDGE_URL=engine.worker_url,
            III_HTTP_URL=f"http://127.0.0.1:{engine.http_port}",
            III_RBAC_WORKER_URL=f"ws://127.0.0.1:{listener_port}",
        ),
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)$", done.stdout, flags=re.MULTILINE)
    return Outcome(int(passed[1]) if passed else 0, failed, (done.stdout + done.stderr)[-12000:])


def _source(sdk: Sdk, version: str) -> Path:
    """Return the unpacked source package, fetched once."""
    target = sdk.home / "source"
    unpacked = target / f"iii_sdk-{version}"
    if not unpacked.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        what = ["--no-deps", "--no-binary", "iii-sdk", f"iii-sdk=={version}"]
        run_step(sdk, [*pip, "--retries", "1", "--dest", str(target), *what])
        with tarfile.open(target / f"iii_sdk-{version}.tar.gz") as archive:
            archive.extractall(target, filter="data")
    return unpacked
