"""What reaches the log, and what must not: in a process of its own, apart from pytest."""

import json
import subprocess
import sys

_BEGIN = """
import logging, structlog
from party_node import observability
observability.configure()
log = structlog.get_logger()
"""


def logged(program: str) -> list[dict[str, object]]:
    """Run a program that logs; return its lines on stderr."""
    words = [sys.executable, "-c", _BEGIN + program]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert not done.stdout
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_names_that_are_never_logged() -> None:
    (line,) = logged("log.info('event', token='t0p', email='a@example.com', job='j')")
    assert (line["event"], line["job"]) == ("event", "j")
    assert "t0p" not in str(line)
    assert "a@example.com" not in str(line)


def test_an_exception_s_words_stay_out() -> None:
    lines = logged("""
try:
    raise ValueError("a@example.com")
except ValueError as e:
    log.error("crashed", exc_info=e)
    logging.getLogger("library").exception("failed")
""")
    assert [line["event"] for line in lines] == ["crashed", "failed"]
    for line in lines:
        assert line["error"] == "ValueError"
        assert line["places"]
        assert "a@example.com" not in str(line)


def test_chatty_libraries_are_quiet() -> None:
    lines = logged("""
for name in ("httpx2", "httpcore2", "alembic", "uvicorn.error", "mine"):
    logging.getLogger(name).info("GET /v1/jobs/secret")
""")
    assert len(lines) == 1
