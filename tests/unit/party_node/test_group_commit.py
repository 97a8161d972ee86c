"""Many small writes share a transaction: each gets its own answer, and nobody waits for nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from party_node.ledger.group_commit import MOST, GroupCommit, NotWritten


class Disk:
    """Takes groups, and lets the first of them wait until the others have come."""

    def __init__(self):
        self.groups, self.began, self.go = [], threading.Event(), threading.Event()

    def write(self, parts):
        self.groups.append(list(parts))
        self.began.set()
        assert self.go.wait(30)
        if "bad" in parts:
            raise ValueError("bad")
        return [part.upper() for part in parts]


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def commit(disk):
    return GroupCommit(disk.write)


def together(commit, disk, *parts):
    """Let one part be written while the others arrive; return what becomes of each."""
    with ThreadPoolExecutor(len(parts) + 1) as pool:
        first = pool.submit(commit.run, "first")
        assert disk.began.wait(30)
        others = [pool.submit(commit.run, part) for part in parts]
        while len(commit._queue) < len(parts):
            pass
        disk.go.set()
        assert first.result(30) == "FIRST"
        return others


def test_one_part_is_written_at_once_and_gets_its_result(commit, disk):
    disk.go.set()
    assert commit.run("a") == "A"
    assert commit.run("b") == "B"
    assert disk.groups == [["a"], ["b"]]


def test_whoever_comes_while_another_commits_is_taken_along(commit, disk):
    others = together(commit, disk, *"abcdefgh")
    assert sorted(o.result(30) for o in others) == list("ABCDEFGH")
    assert [sorted(group) for group in disk.groups] == [["first"], list("abcdefgh")]


def test_one_bad_part_spoils_no_other(commit, disk):
    others = together(commit, disk, "a", "bad", "c")
    found = [o.exception(30) or o.result() for o in others]
    assert [found[0], found[2]] == ["A", "C"]
    assert isinstance(found[1], ValueError)
    assert sorted(map(len, disk.groups[2:])) == [1, 1, 1]


def test_a_group_has_no_more_than_its_most(commit, disk, monkeypatch):
    monkeypatch.setattr("party_node.ledger.group_commit.MOST", 3)
    others = together(commit, disk, *"abcdefgh")
    assert sorted(o.result(30) for o in others) == list("ABCDEFGH")
    assert max(map(len, disk.groups)) == 3
    assert MOST == 256


def test_after_everything_is_written_the_next_one_leads_again(commit, disk):
    together(commit, disk, "a", "b")
    assert commit.run("later") == "LATER"


def test_many_threads_that_go_on_writing_share_transactions(commit, disk):
    disk.go.set()

    def go_on(number):
        return [commit.run(f"{number}/{turn}") for turn in range(50)]

    with ThreadPoolExecutor(16) as pool:
        for number, results in enumerate(pool.map(go_on, range(16))):
            assert results == [f"{number}/{turn}" for turn in range(50)]
    assert sum(map(len, disk.groups)) == 800


def test_a_leader_waits_until_those_who_were_just_answered_have_come_again(commit, disk):
    """Else the same threads split into halves, each of which waits for the other's commit."""
    disk.go.set()
    commit._in_play, commit._patience = 16, 30
    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(commit.run, "abcdefghijklmnop")) == list("ABCDEFGHIJKLMNOP")
    assert [len(group) for group in disk.groups] == [16]
    assert commit._in_play == 16


def test_the_last_of_many_does_not_wait_for_those_who_have_gone():
    commit = GroupCommit(lambda parts: parts)
    commit._in_play, commit._patience = 64, 0.005
    assert commit.run("last") == "last"
    commit._patience = 30  # which is not waited for: nobody else is in play any more
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(commit.run, "again").result(15) == "again"


def test_when_the_leader_is_killed_nobody_is_told_that_it_was_written():
    class Killed(BaseException):
        pass

    began, go = threading.Event(), threading.Event()

    def write(parts):
        if len(parts) > 1:
            raise ValueError("each by itself")
        began.set()
        assert go.wait(30)
        if parts == ["first"]:
            return ["FIRST"]
        raise Killed

    commit = GroupCommit(write)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(commit.run, "first")
        assert began.wait(30)
        others = [pool.submit(commit.run, part) for part in "abc"]
        while len(commit._queue) < 3:
            pass
        go.set()
        assert first.result(30) == "FIRST"
        errors = [type(o.exception(30)) for o in others]
    assert sorted(e.__name__ for e in errors) == ["Killed", "NotWritten", "NotWritten"]
    assert NotWritten in errors
