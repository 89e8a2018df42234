"""The integration tests that npm ``iii-sdk`` 0.2.1 and 0.3.0 ship in the package, unmodified.

The package has its tests and its built code, but not the ``src`` folder the tests import: here the
modules of ``src`` are the built ones, and the one private module a test asks for comes out of the
package's source map. Not a line of a test is changed. They run with the test runner the package
names, and find the engine through the variables they read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.environments import Sdk
from tests.e2e.processes import environment

VERSIONS = ("0.2.1", "0.3.0")
RUNNER = "vitest@^2.1.0"  # what the package's devDependencies say
ENTRIES = ("index", "stream", "state", "telemetry")
PRIVATE = "telemetry-system/fetch-instrumentation.ts"
RUN_S = 240.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the runner reported."""

    total: int
    failed: list[str]
    text: str


def sdk_with_tests(version: str) -> Sdk:
    """Return an environment with the package and its test runner."""
    return Sdk(
        name=f"npm-{version} with its tests",
        registry="npm",
        version=f"{version}-tests",
        program="matrix_node.mjs",
        requirements=(f"iii-sdk@{version}", RUNNER),
    )


def run(sdk: Sdk, *, worker_url: str, http_url: str, folder: Path) -> Outcome:
    """Run every test of the package; raise SdkUnavailable where the package cannot be had."""
    sdk.command()
    package = _unpacked(sdk)
    done = subprocess.run(
        [sdk.home / "node_modules" / ".bin" / "vitest", "run", "--reporter=json"],
        cwd=package,
        env=environment(III_BRIDGE_URL=worker_url, III_HTTP_URL=http_url, HOME=str(folder)),
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    text = (done.stdout + done.stderr)[-4000:]
    report = next((line for line in done.stdout.splitlines() if line.startswith('{"num')), None)
    assert report is not None, text
    return _outcome(json.loads(report), text)


def _outcome(report: dict[str, Any], text: str) -> Outcome:
    failed = [
        f"{Path(file['name']).name}: {test['fullName']}"
        for file in report["testResults"]
        for test in file["assertionResults"]
        if test["status"] != "passed"
    ]
    failed += [
        f"{Path(file['name']).name}: {file['message']}"
        for file in report["testResults"]
        if file["status"] != "passed" and not file["assertionResults"]
    ]
    return Outcome(report["numTotalTests"], failed, text)


def _unpacked(sdk: Sdk) -> Path:
    """Copy the package out of ``node_modules``, where the runner looks for tests, and add src."""
    package = sdk.home / "package"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(sdk.home / "node_modules" / "iii-sdk", package)
    source = package / "src" / "telemetry-system"
    source.mkdir(parents=True)
    for entry in ENTRIES:
        (package / "src" / f"{entry}.ts").write_text(f"export * from '../dist/{entry}.mjs'\n")
    (source / "index.ts").write_text("export * from '../../dist/telemetry.mjs'\n")
    (package / "src" / PRIVATE).write_text(_mapped(package / "dist", PRIVATE))
    return package


def _mapped(built: Path, name: str) -> str:
    """Return a source file that is only in a source map of the package."""
    for path in sorted(built.glob("*.mjs.map")):
        content = json.loads(path.read_text())
        for source, text in zip(content["sources"], content["sourcesContent"], strict=True):
            if source == f"../src/{name}":
                return str(text)
    raise FileNotFoundError(name)
