"""The imports of a running node: followed, one at a time, ended with the node."""

import threading

import pytest

from party_node.capture.errors import ImportInterrupted, ImportUnreadable
from party_node.capture.imports import ImportRequest, Imports
from party_node.errors import IllegalState, NotFound
from tests.support.consent_files import line, table
from tests.support.node import open_storage


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def imports(node):
    return Imports(node.open_ledger(), node.identity, node.home, node.clock, node.rng)


def request(tmp_path, *lines, **how):
    path = tmp_path / "c.csv"
    path.write_text(table(*lines))
    return ImportRequest(path, "crm", {}, **how)


def finished(imports, progress):
    """Wait for the thread that takes the file in."""
    for thread in threading.enumerate():
        if thread.name == "consent-import":
            thread.join(60)
    return imports.progress(progress.import_id)


def test_an_import_is_followed_to_its_report(imports, tmp_path):
    started = imports.start(request(tmp_path, line(), line(purpose="spam")))
    assert not started.ended
    found = finished(imports, started)
    assert (found.rows, found.report.accepted, found.report.refused_total) == (2, 1, 1)
    assert found.error is None


def test_an_import_that_fails_says_so(imports, tmp_path):
    found = finished(imports, imports.start(ImportRequest(tmp_path / "none.csv", "crm", {})))
    assert isinstance(found.error, ImportUnreadable)
    assert found.report is None


def test_what_nobody_started_is_not_known(imports):
    with pytest.raises(NotFound, match="no such import"):
        imports.progress("0" * 32)


def test_ended_imports_are_forgotten_after_a_hundred_others(imports, tmp_path, monkeypatch):
    monkeypatch.setattr("party_node.capture.imports._KEPT", 2)
    ids = []
    for _ in range(4):
        ids.append(imports.start(request(tmp_path, line())))
        finished(imports, ids[-1])
    assert imports.progress(ids[-1].import_id).report.repeated == 1
    with pytest.raises(NotFound):
        imports.progress(ids[0].import_id)


def test_stopping_ends_the_import_after_its_batch_and_starts_no_other(
    imports, tmp_path, monkeypatch
):
    monkeypatch.setattr("party_node.capture.batch_reader.BATCH_ROWS", 1)
    lines = [line(source_event_id=f"e{n}") for n in range(5)]

    def stop(report):
        if report.rows == 2:
            threading.Thread(target=imports.stop).start()
            assert imports._stopping.wait(60)

    with pytest.raises(ImportInterrupted, match="the node is stopping; of 2 rows"):
        imports.run(request(tmp_path, *lines), stop)
    with pytest.raises(ImportInterrupted, match="the node is stopping"):
        imports.run(request(tmp_path, *lines))


def test_not_too_many_imports_wait(imports, tmp_path, monkeypatch):
    monkeypatch.setattr("party_node.capture.imports.MAX_WAITING", 1)
    with imports._turn:
        first = imports.start(request(tmp_path, line()))
        with pytest.raises(IllegalState, match="1 imports run or wait"):
            imports.start(request(tmp_path, line()))
    assert finished(imports, first).report.accepted == 1
    again = imports.start(request(tmp_path, line()))
    assert finished(imports, again).report.repeated == 1


def test_one_import_runs_at_a_time(imports, tmp_path):
    inside, go_on, seen = threading.Event(), threading.Event(), []
    wanted = request(tmp_path, line())

    def hold(_report):
        inside.set()
        assert go_on.wait(60)
        seen.append("first")

    first = threading.Thread(target=imports.run, args=(wanted, hold))
    first.start()
    assert inside.wait(60)
    second = threading.Thread(
        target=imports.run, args=(wanted, lambda _report: seen.append("second"))
    )
    second.start()
    assert seen == []
    go_on.set()
    first.join(60)
    second.join(60)
    assert seen == ["first", "second"]
