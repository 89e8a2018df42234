"""Environments of the published SDKs: one venv or npm folder each, built on demand and kept.

They live in the git-ignored ``.envs/`` of the checkout. Building is safe in parallel (a file
lock each) and repeats nothing: a stamp with the requirements is written last, and a folder whose
stamp differs is built anew. Where an SDK cannot be had on this machine (no Node, no package
registry) SdkUnavailable says which one and why; tests skip on it.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = REPOSITORY / ".envs"
PROGRAMS = REPOSITORY / "tests" / "sdk_workers"
BUILD_TIMEOUT_S = 240
OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError"
    r"|Temporary failure in name|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH"
)


class SdkUnavailable(Exception):
    """This machine cannot provide the SDK; the message says which one and why."""


class BuildFailed(Exception):
    """An environment could not be built although its tools and registry are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """One published SDK version and the worker program that is written with it.

    ``hears_unregister``: its trigger types are told when a trigger goes.
    ``unregisters_functions``: its client can withdraw a function.
    ``typed_errors``: a failed call carries the code of the error.
    ``enqueues``: its client has the ``enqueue`` action.
    """

    name: str
    registry: str
    version: str
    program: str
    requirements: tuple[str, ...]
    hears_unregister: bool = True
    unregisters_functions: bool = True
    reattaches: bool = False
    enqueues: bool = False

    @property
    def home(self) -> Path:
        """The folder of the environment."""
        return ENVIRONMENTS / f"{self.registry}-{self.version}"

    def command(self) -> list[str]:
        """Return the command that starts the worker program; build its environment first.

        Raise SdkUnavailable or BuildFailed when that is impossible.
        """
        with _locked(self.home):
            if not _is_built(self):
                _build(self)
            if self.registry == "pypi":
                return [str(self.home / "bin" / "python"), str(PROGRAMS / self.program)]
            return [_node(self), str(_installed_program(self))]


SDKS = (
    Sdk(
        name="python_0_0_2",
        registry="pypi",
        version="0.0.2",
        program="python_0_0_2.py",
        requirements=("iii-sdk==0.0.2", "websockets==15.0.1"),
        hears_unregister=False,
        unregisters_functions=False,
    ),
    Sdk(
        name="python_0_9",
        registry="pypi",
        version="0.9.0",
        program="python_0_9.py",
        requirements=("iii-sdk[otel]==0.9.0", "websockets==15.0.1"),
        hears_unregister=False,
        enqueues=True,
    ),
    Sdk(
        name="python_0_25",
        registry="pypi",
        version="0.25.0",
        program="python_0_25.py",
        requirements=("iii-sdk==0.25.0",),
        reattaches=True,
        enqueues=True,
    ),
    Sdk(
        name="node_0_2",
        registry="npm",
        version="0.2.1",
        program="node_0_2.mjs",
        requirements=("iii-sdk@0.2.1",),
        hears_unregister=False,
    ),
    Sdk(
        name="node_0_22",
        registry="npm",
        version="0.22.1",
        program="node_0_22.mjs",
        requirements=("iii-sdk@0.22.1",),
        reattaches=True,
        enqueues=True,
    ),
)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Let one process at a time look at or build ``home``."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp(sdk: Sdk) -> tuple[Path, str]:
    return sdk.home / "built.txt", "\n".join((sys.version.split()[0], *sdk.requirements)) + "\n"


def _is_built(sdk: Sdk) -> bool:
    path, content = _stamp(sdk)
    return path.is_file() and path.read_text() == content


def _build(sdk: Sdk) -> None:
    shutil.rmtree(sdk.home, ignore_errors=True)
    build = _build_venv if sdk.registry == "pypi" else _build_npm_folder
    build(sdk)
    path, content = _stamp(sdk)
    path.write_text(content)


def _build_venv(sdk: Sdk) -> None:
    """Build a venv without pip of its own and without compiling: two seconds instead of ten."""
    run_step(sdk, [sys.executable, "-m", "venv", "--without-pip", str(sdk.home)])
    pip = [sys.executable, "-m", "pip", "--python", str(sdk.home / "bin" / "python")]
    flags = ["--quiet", "--disable-pip-version-check", "--no-compile", "--retries", "1"]
    run_step(sdk, [*pip, "install", *flags, *sdk.requirements])


def _build_npm_folder(sdk: Sdk) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SdkUnavailable(f"{sdk.name} skipped: npm is not installed")
    _node(sdk)
    sdk.home.mkdir(parents=True)
    (sdk.home / "package.json").write_text('{"name": "sdk-worker", "private": true}\n')
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
    flags += ["--prefer-offline"]
    run_step(sdk, [npm, "install", "--prefix", str(sdk.home), *flags, *sdk.requirements])


def _node(sdk: Sdk) -> str:
    node = shutil.which("node")
    if node is None:
        raise SdkUnavailable(f"{sdk.name} skipped: node is not installed")
    return node


def _installed_program(sdk: Sdk) -> Path:
    """Copy the programs beside ``node_modules``: that is where Node resolves imports from."""
    for source in PROGRAMS.glob("*.mjs"):
        target = sdk.home / source.name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())
    return sdk.home / sdk.program


def run_step(sdk: Sdk, command: list[str]) -> None:
    """Run one build step; name the step and show its output if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        reason = f"no answer from the package registry in {BUILD_TIMEOUT_S} s"
        raise SdkUnavailable(f"{sdk.name} skipped: {reason}") from error
    if done.returncode == 0:
        return
    output = (done.stderr + done.stdout)[-2000:]
    if OFFLINE.search(output):
        raise SdkUnavailable(f"{sdk.name} skipped: the {sdk.registry} registry is out of reach")
    raise BuildFailed(f"{sdk.name}: {' '.join(command[:4])} ... failed:\n{output}")
