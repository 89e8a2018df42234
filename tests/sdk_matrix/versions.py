"""The published versions of ``iii-sdk``, and the environment and program of each.

test_versions.py compares the lists with the indexes when they can be reached.
"""

from __future__ import annotations

from packaging.version import Version

from tests.e2e.environments import Sdk

# fmt: off
PYPI = [
    "0.0.2", "0.0.4", "0.0.5", "0.1.0", "0.1.0.post1", "0.2.0", "0.2.0.post1", "0.2.1", "0.3.0",
    "0.4.0", "0.4.1", "0.8.0", "0.8.2", "0.8.3", "0.9.0", "0.10.0", "0.11.0", "0.11.1", "0.11.2",
    "0.11.3", "0.11.4", "0.11.5", "0.11.6", "0.12.0", "0.13.0", "0.16.0", "0.16.1", "0.17.0",
    "0.18.0", "0.19.0", "0.19.2", "0.19.3", "0.19.4", "0.19.6", "0.19.7", "0.20.0", "0.21.3",
    "0.21.4", "0.21.5", "0.21.6", "0.21.8", "0.22.0", "0.22.1", "0.23.0", "0.24.0", "0.24.1",
    "0.24.2", "0.24.3", "0.24.4", "0.24.5", "0.24.6", "0.25.0",
]
# fmt: on
NPM = ["0.2.1", "0.3.0", "0.9.0", "0.11.2", "0.11.6", "0.22.0", "0.22.1"]

# The newest release when most of these SDKs were written; the newest SDK gets the newest one.
WEBSOCKETS = "websockets==15.0.1"


def sdk_of(registry: str, version: str) -> Sdk:
    """Return the environment and the program of one version."""
    build = _pypi if registry == "pypi" else _npm
    return build(version)


def _pypi(version: str) -> Sdk:
    number = Version(version)
    # Where telemetry is an extra, the SDK tries to use it by default.
    extra = "[otel]" if Version("0.2.1") <= number <= Version("0.10.0") else ""
    pins = () if version == PYPI[-1] else (WEBSOCKETS,)
    return Sdk(
        name=f"pypi-{version}",
        registry="pypi",
        version=version,
        program="matrix_async.py" if number < Version("0.9.0") else "matrix_blocking.py",
        requirements=(f"iii-sdk{extra}=={version}", *pins),
    )


def _npm(version: str) -> Sdk:
    return Sdk(
        name=f"npm-{version}",
        registry="npm",
        version=version,
        program="matrix_node.mjs",
        requirements=(f"iii-sdk@{version}",),
    )


ALL = tuple(
    [sdk_of("pypi", version) for version in PYPI] + [sdk_of("npm", version) for version in NPM]
)


def _newest_of_each_series(versions: list[str]) -> list[str]:
    """Return the first version, and the last one of each series (0.9, 0.10, ...)."""
    newest = {Version(version).release[:2]: version for version in versions}
    return [versions[0], *(version for version in newest.values() if version != versions[0])]


SOME = tuple(
    sdk_of(registry, version)
    for registry, versions in (("pypi", PYPI), ("npm", NPM))
    for version in _newest_of_each_series(versions)
)
"""Those that ``make test`` tries; ``make test-sdk`` tries all."""
