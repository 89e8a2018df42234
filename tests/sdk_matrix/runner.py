"""Runs the scenario with every version against one engine, several versions at a time.

A version that fails or hangs stops nobody: each step has a deadline of its own, each version one
for all of its steps, and what is left is FAIL with the reason. The engine is restarted once, at
the end, with every worker still connected.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.e2e.engines import Engine
from tests.e2e.environments import BuildFailed, Sdk, SdkUnavailable
from tests.e2e.workers import Worker

from .eras import Era
from .external import external_service
from .features import FEATURES, keep_route, restart
from .subject import Subject
from .table import FAIL, LACKS, PASS, Row, Table

AT_A_TIME = 4
BUILDS_AT_A_TIME = 2
VERSION_S = 150.0
Progress = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of some features with some versions; ``say`` is told how it goes."""

    sdks: Sequence[Sdk]
    features: Sequence[str]
    folder: Path
    server: str = "auto"
    say: Progress = print
    _rows: dict[str, Row] = field(default_factory=dict)
    _subjects: list[Subject] = field(default_factory=list)
    _unavailable: list[str] = field(default_factory=list)
    _building: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(BUILDS_AT_A_TIME)
    )

    def run(self) -> Table:
        """Return the table; nothing that was started is left behind."""
        self._rows = {sdk.name: Row(sdk.name) for sdk in self.sdks}
        with ExitStack() as stack:
            url = stack.enter_context(external_service())
            engine = Engine(
                server=self.server, folder=self.folder / "engine", settings=f"{__package__}.site"
            )
            stack.callback(self._end, engine)
            engine.start()
            with ThreadPoolExecutor(AT_A_TIME) as pool:
                list(pool.map(lambda sdk: self._try_version(sdk, engine, url), self.sdks))
            if "restart" in self.features:
                self._restart(engine)
        return Table(list(self.features), list(self._rows.values()), sorted(self._unavailable))

    def _try_version(self, sdk: Sdk, engine: Engine, url: str) -> None:
        row, began = self._rows[sdk.name], time.monotonic()
        try:
            subject = self._connect(sdk, engine, url)
        except SdkUnavailable as reason:
            self._unavailable.append(str(reason))
            del self._rows[sdk.name]
            self.say(str(reason))
            return
        except Exception as error:  # noqa: BLE001 - every cell of the version says so
            self._fail_all(row, _reason(error))
        else:
            self._subjects.append(subject)
            self._try_features(subject, row, time.monotonic() + VERSION_S)
        self.say(f"{sdk.name}: {time.monotonic() - began:.1f} s, {_summary(row)}")

    def _connect(self, sdk: Sdk, engine: Engine, url: str) -> Subject:
        with self._building:
            sdk.command()
        home = self.folder / sdk.name
        worker = Worker(sdk, url=engine.worker_url, name=sdk.name, home=home)
        subject = Subject(engine=engine, worker=worker, era=Era(sdk), external_url=url)
        try:
            worker.wait_ready()
        except BaseException:
            worker.kill()
            raise
        return subject

    def _try_features(self, subject: Subject, row: Row, deadline: float) -> None:
        for feature in self.features:
            if feature == "restart":
                self._try(feature, partial(keep_route, subject), row)
            elif reason := subject.era.lacks(feature):
                row.set(feature, LACKS, reason)
            elif time.monotonic() > deadline:
                row.set(feature, FAIL, f"the version had its {VERSION_S:.0f} s")
            else:
                self._try(feature, partial(FEATURES[feature], subject), row)

    def _try(self, feature: str, step: Callable[[], None], row: Row) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the cell says so
            row.set(feature, FAIL, _reason(error))
        else:
            row.set(feature, PASS)

    def _restart(self, engine: Engine) -> None:
        """Stop the engine the polite way, start it, and see who comes back."""
        engine.process.terminate()
        engine.process.wait()
        engine.start()
        kept = [one for one in self._subjects if self._rows[one.name].cells["restart"] == PASS]
        with ThreadPoolExecutor(len(kept) or 1) as pool:
            list(pool.map(self._come_back, kept))

    def _come_back(self, subject: Subject) -> None:
        self._try("restart", partial(restart, subject), self._rows[subject.name])

    def _fail_all(self, row: Row, reason: str) -> None:
        for feature in self.features:
            row.set(feature, FAIL, reason)

    def _end(self, engine: Engine) -> None:
        for process in [*(subject.worker for subject in self._subjects), *engine.runs]:
            process.kill()


def _reason(error: Exception) -> str:
    """Return what went wrong in one paragraph: its kind, its text, and where."""
    if isinstance(error, BuildFailed):
        return str(error)
    trace, place = error.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == "features.py":
            place = f" (features.py, line {trace.tb_lineno})"
        trace = trace.tb_next
    text = " | ".join(str(error).splitlines()[:40]) or type(error).__name__
    return f"{type(error).__name__}{place}: {text[:1500]}"


def _summary(row: Row) -> str:
    failed = [feature for feature, mark in row.cells.items() if mark == FAIL]
    return f"FAIL {', '.join(failed)}" if failed else "pass"
