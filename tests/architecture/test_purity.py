"""The pure packages compute and nothing else: they read nothing, write nothing and ask no clock.

Imports are checked by import-linter (`pyproject.toml`); this catches what needs no import.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ("protocols", "consent")

BUILTINS = {"open", "print", "eval", "exec", "input", "compile", "breakpoint", "__import__"}
ATTRIBUTES = {
    # clocks
    "now", "utcnow", "today", "time_ns", "monotonic", "perf_counter",
    # randomness that is no argument
    "urandom", "token_bytes", "token_hex", "getrandbits", "default_rng",
    # files and environment
    "read_text", "write_text", "read_bytes", "write_bytes", "environ", "getenv",
}  # fmt: skip
DOTTED = {"time.time", "os.open", "os.system"}


def impure(source: str) -> list[str]:
    """Return what a module calls or touches that a pure one must not."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) if name in BUILTINS:
                found.append(f"{node.lineno}: {name}")
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                f"{module}.{name}" in DOTTED
            ):
                found.append(f"{node.lineno}: {module}.{name}")
            case ast.Attribute(attr=name) if name in ATTRIBUTES:
                found.append(f"{node.lineno}: .{name}")
            case ast.ImportFrom(module="time" | "random" | "secrets"):
                found.append(f"{node.lineno}: from {node.module}")
    return found


MODULES = sorted(path for package in PURE for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_only_computes(path):
    assert impure(path.read_text()) == []


def test_there_are_modules_to_check():
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(PURE)


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "print(1)",
        "f = eval",
        "exec('x')",
        "input()",
        "import datetime\ndatetime.datetime.now()",
        "import time\ntime.time()",
        "from time import time",
        "import os\nos.urandom(3)",
        "import numpy\nnumpy.random.default_rng()",
        "p.read_text()",
    ],
)
def test_what_is_not_pure_is_found(source):
    assert impure(source)
