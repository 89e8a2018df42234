"""Consistency that no single test would notice to be lost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from iii_triggers import consumers, consumption, delivery, engine, protocol
from iii_triggers.engine.frames import FrameHandler
from iii_triggers.protocol import messages

ROOT = Path(__file__).parent.parent
# Sent by the engine only, or without effect; a worker that sends one is neither answered nor cut.
IGNORED = {
    messages.WorkerRegistered,
    messages.RegistrationRejected,
    messages.RegisterService,
    messages.Pong,
    messages.Error,
}


def test_imports_point_downward() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_every_message_has_a_handler_or_is_ignored_on_purpose() -> None:
    handled = set(FrameHandler(None)._handlers)  # type: ignore[arg-type]
    known = set(messages.AnyMessage.__args__)  # type: ignore[attr-defined]
    assert handled | IGNORED == known, "handle the message in engine/frames.py, or list it here"
    assert not handled & IGNORED


def test_every_message_class_can_be_decoded() -> None:
    defined = {
        value
        for value in vars(messages).values()
        if isinstance(value, type) and issubclass(value, messages.Message)
    }
    assert defined - {messages.Message} == set(messages.AnyMessage.__args__)  # type: ignore[attr-defined]


PACKAGES = [protocol, engine, delivery, consumers, consumption]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_module_and_public_name_is_documented(package: object) -> None:
    missing = []
    for path in Path(package.__path__[0]).glob("*.py"):  # type: ignore[attr-defined]
        tree = ast.parse(path.read_text())
        names = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        public = [node for node in names if not node.name.startswith("_")]
        missing += [f"{path.name}:{n.name}" for n in public if not ast.get_docstring(n)]
        if not ast.get_docstring(tree):
            missing.append(path.name)
    assert missing == []
