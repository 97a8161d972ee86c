"""`kill -9` of a process that imports, at any moment; then the same again, and all is there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from party_node.capture.file_import import import_file
from tests.support.consent_files import line, table
from tests.support.node import NodeStorage, open_storage, reopen_storage

pytestmark = pytest.mark.e2e

ROWS = 6_000
PROGRAM = """
import sys
from pathlib import Path
from party_node.capture import ahead, batch_reader
from party_node.capture.file_import import import_file
from tests.support.node import reopen_storage

ahead.SMALL_BYTES = 0
batch_reader.BATCH_ROWS = 500
node = reopen_storage(Path(sys.argv[1]))
ledger = node.open_ledger()

def watch(report):
    print(report.rows, flush=True)

import_file(Path(sys.argv[2]), ledger, node.identity, ledger.vocabulary, "crm", "GB",
            node.clock(), watch=watch)
"""


@pytest.fixture
def node(tmp_path: Path) -> NodeStorage:
    made = open_storage(tmp_path)
    made.open_ledger()
    made.db.close()
    return made


@pytest.mark.parametrize(
    "rows",
    [
        0,
        pytest.param(500, marks=pytest.mark.slow),
        2_500,
        pytest.param(5_500, marks=pytest.mark.slow),
    ],
)
def test_an_import_that_was_killed_is_finished_by_repeating_it(
    node: NodeStorage, tmp_path: Path, rows: int
) -> None:
    path = tmp_path / "consents.csv"
    lines = (
        line(
            source_event_id=f"e{n}",
            email=f"p{n % 4_000}@x.example",
            phone=f"+4420794{n % 3_000:05}" if n % 2 else "",
            state="withdrawn" if n % 3 else "given",
        )
        for n in range(ROWS)
    )
    path.write_text(table(*lines))
    words = [sys.executable, "-c", PROGRAM, str(node.home.path), str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        while rows and int(process.stdout.readline()) < rows:
            pass
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    again = reopen_storage(node.home.path)
    ledger = again.open_ledger()
    before = ledger.head()[0] - 1
    assert before >= rows // 2  # some rows are refused as ambiguous
    found = import_file(path, ledger, again.identity, ledger.vocabulary, "crm", "GB", again.clock())
    assert found.rows == ROWS
    assert found.repeated + found.accepted + found.refused_total == ROWS
    assert found.repeated >= before // 2
    ledger.verify()
    once = import_file(path, ledger, again.identity, ledger.vocabulary, "crm", "GB", again.clock())
    assert (once.accepted, once.for_both) == (0, 0)
    assert once.refused_total == found.refused_total
    assert once.repeated == found.accepted + found.repeated
    again.db.close()
