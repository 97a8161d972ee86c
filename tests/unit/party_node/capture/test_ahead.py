"""Reading ahead in a second process: the same batches, errors carried over, and a clean end."""

import gzip
import os
import signal

import pytest

from party_node.capture import ahead, reading
from party_node.capture.errors import ImportInterrupted, ImportUnreadable
from party_node.capture.reading import error_line, error_of, opened
from party_node.errors import MissingColumn
from tests.support.consent_files import json_line, line, read, table, task


@pytest.fixture
def processes(monkeypatch):
    """Collects every process that is started."""
    started = []
    real = ahead.subprocess.Popen

    def popen(*args, **kwargs):
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(ahead.subprocess, "Popen", popen)
    return started


def write(tmp_path, content, name="c.csv"):
    path = tmp_path / name
    path.write_text(content)
    return path


def many(count=12_000):
    rows = (
        line(source_event_id=f"é{n}", email=f"p{n}@x.example", notice='"a\nb"' if n % 9 else "x")
        for n in range(count)
    )
    return table(line(purpose="spam"), *rows)


def test_the_other_process_reads_the_same(tmp_path, processes):
    path = write(tmp_path, many())
    with opened(task(path)) as here:
        expected = here.sha256, list(here.batches())
    with ahead.read_ahead(task(path)) as there:
        assert (there.sha256, list(there.batches())) == expected
    assert len(expected[1]) == 3
    assert processes[0].returncode is not None


def test_the_mapping_goes_with_the_task(tmp_path):
    path = write(tmp_path, json_line(profile={"mail": "x@y.example"}), "c.jsonl")
    mapping = """\
columns: {source_event_id: source_event_id, email: profile.mail, state: state}
constants: {purpose: joint-audience, event_time: 2026-01-05T10:00:00Z}
"""
    with ahead.read_ahead(task(path, mapping)) as there:
        assert list(there.batches()) == [read(path, mapping)]


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("none.csv", None, ImportUnreadable, "none.csv: No such file"),
        ("c.csv", "a,b\n", MissingColumn, "has no column source_event_id"),
        ("c.csv.gz", gzip.compress(b"x", mtime=0)[:-3], ImportUnreadable, "no whole gzip file"),
        ("c.parquet", "PAR1", ImportUnreadable, "c.parquet cannot be read"),
    ],
)
def test_errors_are_those_of_reading_here(tmp_path, processes, name, content, error, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = []
    for open_ in (ahead.read_ahead, opened):
        with pytest.raises(error, match=says) as caught, open_(task(path)) as source:
            list(source.batches())
        found.append((str(caught.value), caught.value.hint))
    assert found[0] == found[1]
    assert processes[0].returncode is not None


def test_a_process_that_is_killed_is_noticed(tmp_path, processes):
    with ahead.read_ahead(task(write(tmp_path, many(60_000)))) as source:
        batches = source.batches()
        next(batches)
        processes[0].kill()
        with pytest.raises(ImportInterrupted, match="ended before the file did"):
            list(batches)
    assert processes[0].returncode == -signal.SIGKILL


def test_a_process_that_does_not_start_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead.sys, "executable", "/bin/false")
    with (
        pytest.raises(ImportInterrupted, match="ended before"),
        ahead.read_ahead(task(write(tmp_path, many(1)))),
    ):
        raise AssertionError


def test_the_process_ends_when_the_node_does_not_want_the_rest(tmp_path, processes):
    def take_one():
        with ahead.read_ahead(task(write(tmp_path, many(60_000)))) as source:
            next(source.batches())
            raise KeyError

    with pytest.raises(KeyError):
        take_one()
    assert processes[0].returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0].pid, 0)


def test_the_process_ends_by_itself_when_the_node_is_gone(tmp_path, processes):
    """What happens after `kill -9` of the node: nobody holds the other end of the pipe."""
    with ahead.read_ahead(task(write(tmp_path, many(60_000)))) as source:
        next(source.batches())
        processes[0].stdout.close()
        assert processes[0].wait(60) == 1


def test_an_unforeseen_error_says_its_type_and_place_and_no_value(tmp_path):
    try:
        int("secret@x.example")
    except ValueError as e:
        error = error_of(error_line(e)[1:])
    assert isinstance(error, ImportInterrupted)
    assert "ValueError at test_ahead.py:" in str(error)
    assert "secret" not in str(error) + error.hint


def test_small_files_are_read_here_and_large_ones_by_the_process(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _pid: {0, 1})
    path = write(tmp_path, table(line()))
    with ahead.open_source(task(path)) as source:
        assert isinstance(source, reading.Reading)
    monkeypatch.setattr(ahead, "SMALL_BYTES", path.stat().st_size - 1)
    with ahead.open_source(task(path)) as source:
        assert len(list(source.batches())) == 1
    assert len(processes) == 1
    monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _pid: {0})
    with ahead.open_source(task(path)) as source:
        assert isinstance(source, reading.Reading)


def test_the_key_crosses_only_by_the_pipe(tmp_path, monkeypatch):
    seen = {}
    real = ahead.subprocess.Popen

    def popen(words, **kwargs):
        seen.update(words=words, kwargs=kwargs)
        return real(words, **kwargs)

    monkeypatch.setattr(ahead.subprocess, "Popen", popen)
    with ahead.read_ahead(task(write(tmp_path, table(line())))):
        pass
    assert "07" * 32 not in repr(seen)
    assert "07" * 32 not in repr(task(tmp_path))
