"""Envelopes that wait to be sent: short ones in the database, long ones among the run's chunks."""

import pytest

from party_node.database import Database
from party_node.errors import DiskFull
from party_node.home import Home
from party_node.job_tables import OutboxRow
from party_node.migrations import migrate
from party_node.runs import LARGE_BYTES, Run, Runs
from party_node.stamps import Stamps
from party_node.vault import Vault
from protocols.codec import encode
from protocols.envelope import Header, open_envelope
from protocols.keys import PartyKeys
from protocols.sums.cot_records import Products
from tests.support.seeded import seeded

JOB, PEER = "0" * 32, "publisher"
THEIRS = PartyKeys.generate(PEER, seeded(PEER))
SHORT, LONG = Products(1, b"short"), Products(2, bytes(LARGE_BYTES))


@pytest.fixture
def world(tmp_path):
    home = Home.create(tmp_path / "brand", "brand", "Brand", rng=seeded("home"))
    db = Database(home.database_url)
    migrate(db)
    vault = Vault(home.kek, seeded("vault"))
    Stamps(vault).guard(db)
    yield home, db, Runs(db, vault, home)
    db.close()


def queued(world, *messages):
    _, db, runs = world
    run = Run(JOB, "protocol")
    for message in messages:
        with db.writing() as session:
            run = runs.store(session, run, [(THEIRS.public(), message)])
    return run


def files(home):
    return sorted(path.name for path in (home.runs / JOB).glob("*"))


def opened(world, row):
    home = world[0]
    header = Header(JOB, "brand", PEER, row.step)
    return open_envelope(THEIRS, home.keys.public(), header, row.envelope)


def test_a_long_envelope_waits_in_a_file_and_a_short_one_in_the_database(world):
    home, db, runs = world
    assert queued(world, SHORT, LONG).sent == {PEER: 2}
    assert files(home) == ["outbound-publisher-00000001"]
    with db.reading() as session:
        lengths = [len(session.get(OutboxRow, (JOB, n, PEER)).envelope) for n in range(2)]
    assert lengths[0] > len(encode(SHORT))
    assert lengths[1] == 0
    for message in (SHORT, LONG):
        row = runs.next_outbound(JOB)
        assert opened(world, row) == encode(message)
        assert runs.next_outbound(JOB).envelope == row.envelope, "the same again"
        runs.confirmed(JOB, PEER, row.step)
    assert runs.next_outbound(JOB) is None
    assert files(home) == []


def test_an_encoding_that_is_made_already_is_sealed_as_it_is(world):
    queued(world, encode(SHORT), encode(LONG))
    assert opened(world, world[2].next_outbound(JOB)) == encode(SHORT)


def test_what_a_crash_left_of_a_step_is_written_over(world):
    """The file is there, the transaction that refers to it is not."""
    home, db, runs = world

    def crashing():
        with db.writing() as session:
            runs.store(session, Run(JOB, "protocol"), [(THEIRS.public(), LONG)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crashing()
    assert files(home) == ["outbound-publisher-00000000"]
    assert runs.next_outbound(JOB) is None
    other = Products(3, bytes(LARGE_BYTES))
    queued(world, other)
    assert opened(world, runs.next_outbound(JOB)) == encode(other)


def test_a_full_disk_queues_nothing(world, monkeypatch):
    home, _, runs = world
    monkeypatch.setattr("party_node.chunks.os.fsync", _full)
    with pytest.raises(DiskFull):
        queued(world, LONG)
    assert runs.next_outbound(JOB) is None
    assert files(home) == []


def _full(_file):
    raise OSError(28, "No space left on device")
