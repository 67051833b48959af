"""The suite itself: what its own tools do, and what no test may rely on."""

from __future__ import annotations

import ast
import inspect
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.common import PATIENCE
from tests.support.each import each


def test_every_case_of_a_rule_is_run_and_named() -> None:
    """A rule over many values fails with each of those that break it, and with no other."""
    seen = []

    @each("second", [pytest.param(1, id="one"), 2])
    @each(("first", "third"), [(10, "a"), (20, "b")])
    def rule(first: int, second: int, third: str, tmp_path: str) -> None:
        seen.append((first, second, third, tmp_path))
        with pytest.raises(ValueError, match="not the one"):
            if first + second != 12:
                raise ValueError("not the one")

    assert list(inspect.signature(rule).parameters) == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup, match="1 of 2 cases of second") as caught:
        rule(tmp_path="path")
    assert seen == [(first, second, third, "path") for second in (1, 2) for first, third in ((10, "a"), (20, "b"))]
    (of_two,) = caught.value.exceptions
    assert of_two.__notes__ == ["case: 2"]
    (failed,) = of_two.exceptions
    assert failed.__notes__ == ["case: (10, 'a')"]
    assert "DID NOT RAISE" in str(failed)


# Processes


def test_a_quick_python_is_a_python(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """A process that is forked instead of started has the words, streams, environment and directory that it was given,
    is sent the signals, and ends with its own code, or by its own signal."""

    @contextmanager
    def start(code: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        words = [*quick_python, "-c", code, "é", "b"]
        with subprocess.Popen(words, text=True, encoding="utf-8", **pipes, **options) as process:
            try:
                yield process
            finally:
                process.kill()  # else a failure would wait for it

    code = """
import atexit, os, sys
atexit.register(print, "last", flush=True)
print(sys.argv[1:], input(), os.environ["HERE"], os.getcwd())
sys.exit("ended")
"""
    environment = os.environ | {"HERE": "there"}
    with start(code, cwd=tmp_path, env=environment) as process:
        told = process.communicate("typed\n", timeout=PATIENCE)
    assert told == (f"['é', 'b'] typed there {tmp_path}\nlast\n", "ended\n")
    assert process.returncode == 1
    with start("print(flush=True); import time; time.sleep(600)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == -signal.SIGINT
    with start("print('here', flush=True); import time; time.sleep(600)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()
        # It goes with whoever asked for it: nobody has the pipe any more.
        assert process.stdout.read() == ""


# Time


TESTS = Path(__file__).parent
CLOCKS = {"monotonic", "perf_counter", "time", "now"}
BY_POSITION = {"join", "result", "timeout", "wait", "wait_for"}
GUARDS = BY_POSITION | {"communicate", "run", "runpytest_subprocess", "urlopen"}
LEAST = 60.0


def last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def lasted(node: ast.expr, *, fake: bool) -> bool:
    """Whether this is the time since a moment, by a clock that is not a ``fake`` one."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Call)):
        return False
    clock = node.left.func
    real = isinstance(clock, ast.Attribute) and last_name(clock.value) == "time"
    return last_name(clock) in CLOCKS and (real or not fake)


def bounded_durations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[int]:
    """The lines that compare a duration with a greatest one. A plain function has no loop but a virtual one."""
    fake = not isinstance(function, ast.AsyncFunctionDef)
    nodes = [*ast.walk(function)]
    names = {
        last_name(node.targets[0]) for node in nodes if isinstance(node, ast.Assign) and lasted(node.value, fake=fake)
    }
    found = []
    for node in nodes:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for before, operator, after in zip(sides, node.ops, sides[1:], strict=False):
                smaller = before if isinstance(operator, (ast.Lt, ast.LtE)) else after
                if isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and (
                    lasted(smaller, fake=fake) or (isinstance(smaller, ast.Name) and smaller.id in names)
                ):
                    found.append(node.lineno)
    return found


def awaited_failures(nodes: list[ast.AST]) -> set[ast.AST]:
    """What is in blocks that catch a TimeoutError."""
    found: set[ast.AST] = set()
    for node in nodes:
        parts: list[ast.AST] = []
        if isinstance(node, (ast.With, ast.AsyncWith)):
            parts = [item.context_expr for item in node.items]
        elif isinstance(node, ast.Try):
            parts = [handler.type for handler in node.handlers if handler.type]
        names = (one.id for part in parts for one in ast.walk(part) if isinstance(one, ast.Name))
        if "TimeoutError" in names:
            found.update(ast.walk(node))
    return found


def short_guards(nodes: list[ast.AST]) -> list[int]:
    """The lines that give something that has to happen less than a minute. Where it is to fail, any time will do."""
    awaited = awaited_failures(nodes)
    found = []
    for node in nodes:
        if not isinstance(node, ast.Call) or node in awaited:
            continue
        name, positions = last_name(node.func), node.args
        if name == "to_thread" and positions:
            name, positions = last_name(positions[0]), positions[1:]
        if name in GUARDS:
            positions = positions if name in BY_POSITION else []
            given = [*positions, *(keyword.value for keyword in node.keywords if keyword.arg == "timeout")]
            values = [value.value for value in given if isinstance(value, ast.Constant)]
            if any(isinstance(value, (int, float)) and value < LEAST for value in values):
                found.append(node.lineno)
    return found


def judged(tree: ast.Module) -> list[int]:
    nodes = [*ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    tests = [function for function in functions if function.name.startswith("test_")]
    return sorted({line for test in tests for line in bounded_durations(test)} | {*short_guards(nodes)})


def test_nothing_has_to_be_done_soon() -> None:
    """No test fails because the machine was busy: none has a greatest duration by a real clock, or gives less than a
    minute to what has to happen. How soon something happens is shown in virtual time, by counts, or by the other
    outcome being further away than ``PATIENCE``."""
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in judged(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@each(
    ("line", "bad"),
    [
        ("assert time.monotonic() - started < 5", True),
        ("assert 0.2 <= loop.time() - started <= 5", True),
        ("assert 5 > perf_counter() - started", True),
        ("took = now() - started; assert took < 2 * other", True),
        ("assert time.monotonic() - started >= 0.2", False),
        ("assert len(seen) < 5", False),
        ("async with asyncio.timeout(5): pass", True),
        ("await asyncio.wait_for(task, 5.0)", True),
        ("process.communicate(timeout=10)", True),
        ("thread.join(10)", True),
        ("await asyncio.to_thread(thread.join, 10)", True),
        ("subprocess.run(command, timeout=60)", False),
        ("client.with_options(timeout=5)", False),
        ("async with asyncio.timeout(PATIENCE): pass", False),
        ("with pytest.raises(TimeoutError): await asyncio.wait_for(task, 0.1)", False),
    ],
)
def test_the_rule_about_time(line: str, bad: bool) -> None:
    """It sees what it is about, in a test that has an event loop; in a plain test only real clocks count."""
    assert bool(judged(ast.parse(f"async def test_it():\n    {line}"))) is bad
    assert not judged(ast.parse("def test_it():\n    assert loop.time() - started < 5"))
