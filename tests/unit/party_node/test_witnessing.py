"""A ledger with several witnesses: what is published, and what stops it."""

import sqlite3

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlmodel import select

from consent.errors import LedgerInconsistent
from consent.note import KeyType
from consent.witness import add_checkpoint_request, parse_add_checkpoint
from party_node.database import Database
from party_node.errors import CoordinatorUnreachable, PolicyUnusable, QuorumMissed
from party_node.job_tables import CursorRow
from party_node.ledger import trust_policy
from party_node.ledger.gathering import Patience
from party_node.migrations import migrate
from party_node.tables import CheckpointRow
from tests.support.fleet import COORDINATOR, Fleet, fleet
from tests.support.witness import GrowingLedger

THREE = ("a", "b", "c")
ALL = "group all all coordinator a b c\nquorum all"
TWO_OF_THREE = "group others 2 a b c\ngroup both all coordinator others\nquorum both"
ONE_OF_THREE = "group others any a b c\ngroup both all coordinator others\nquorum both"


@pytest.fixture
def one(tmp_path):
    with fleet(tmp_path) as made:
        yield made


@pytest.fixture
def four(tmp_path):
    """The coordinator and three others; no policy that has them yet."""
    with fleet(tmp_path, *THREE) as made:
        yield made


def deceive(world, fleet: Fleet, size: int) -> None:
    """Let a witness see another history of this ledger, up to that size, signed with its key."""
    seed = fleet.node.home.ledger_seed
    other = GrowingLedger("another past", fleet.ledger.origin, seed).grow(size)
    found = world.checkpoint(fleet.ledger.origin)
    old = int(found.text.split("\n")[1]) if found.status_code == 200 else 0
    assert old == 0, "a witness that has seen the truth cannot be deceived"
    assert world.post(other.request(0, size)).status_code == 200


# -- the coordinator alone ---------------------------------------------------------------------


def test_a_home_without_a_policy_needs_the_coordinator_alone(one):
    assert one.published_size() == 0
    assert one.publish() == 1
    assert one.cosigned_by() == {COORDINATOR}
    assert not (one.node.home.path / trust_policy.FILE).exists()
    one.append(1, 2)
    assert one.publish() == 3


def test_what_is_published_is_not_asked_for_again(one):
    one.publish()
    asked = one.ways[COORDINATOR].asked
    one.witnessing.publish(1)
    assert one.ways[COORDINATOR].asked == asked


def test_after_a_start_every_witness_is_asked_once(one):
    one.publish()
    one.open()
    asked = one.ways[COORDINATOR].asked
    one.publish()
    one.publish()
    assert one.ways[COORDINATOR].asked == asked + 1


def test_a_silent_coordinator_is_unreachable_and_later_everything_is_well(one):
    one.ways[COORDINATOR].dead = True
    with pytest.raises(CoordinatorUnreachable):
        one.publish()
    assert one.published_size() == 0
    one.ways[COORDINATOR].dead = False
    assert one.publish() == 1


def test_an_answer_that_got_lost_is_asked_for_again(one):
    """The witness has cosigned and stored; the node has heard nothing."""
    way, note = one.ways[COORDINATOR], one.ledger.checkpoint()
    request = add_checkpoint_request(0, (), note).encode()
    assert way._http.add_checkpoint(request)[0] == 200
    way.answers = [(503, "")]
    with pytest.raises(CoordinatorUnreachable):
        one.publish()
    assert one.publish() == 1


def test_a_coordinator_that_knows_another_history_is_an_inconsistency(one):
    deceive(one.worlds[COORDINATOR], one, 2)
    one.append(1, 2)
    with pytest.raises(LedgerInconsistent, match="coordinator refuses"):
        one.publish()
    assert one.published_size() == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((404, ""), "does not know this ledger"),
        ((403, ""), "by another key"),
        ((400, ""), "cannot be used"),
        ((200, "<html>"), "cannot be used"),
        ((409, "?"), "cannot be used"),
    ],
)
def test_what_may_pass_is_waited_for_and_said(one, answer, why):
    one.ways[COORDINATOR].answers = [answer]
    with pytest.raises(QuorumMissed, match=why):
        one.publish()
    with pytest.raises(QuorumMissed, match=why):
        one.witnessing.require_well()
    assert one.publish() == 1
    one.witnessing.require_well()


# -- a quorum ----------------------------------------------------------------------------------


def test_all_are_asked_and_each_cosignature_is_kept(four):
    four.adopt(ALL)
    four.append(1)
    assert four.publish() == 2
    assert four.cosigned_by() == {COORDINATOR, *THREE}
    note = four.witnessing.published()
    assert note is not None
    assert note.count("\n— ") == 5, "the ledger's own and four others"
    assert set(four.said().values()) == {"cosigned"}


def test_a_dead_witness_is_not_needed_for_two_of_three(four):
    four.start_with(TWO_OF_THREE)
    four.ways["b"].dead = True
    assert four.publish() == 1
    assert four.cosigned_by() == {COORDINATOR, "a", "c"}
    four.settle()
    assert four.said()["b"] == "no-answer"
    four.witnessing.require_well()


def test_a_slow_witness_is_not_waited_for_and_counts_when_it_comes(four):
    four.start_with(TWO_OF_THREE)
    slow = four.ways["c"]
    slow.gate.clear()
    assert four.publish() == 1
    assert four.cosigned_by() == {COORDINATOR, "a", "b"}
    four.settle()
    assert four.cosigned_by() == {COORDINATOR, *THREE}


def test_a_slow_witness_is_asked_one_thing_at_a_time(four):
    four.start_with(TWO_OF_THREE)
    # Two answer however busy the machine is; the third is not waited for once they have.
    four.witnessing._patience = Patience(answer_seconds=20.0, grace_seconds=0.0)
    slow = four.ways["c"]
    slow.gate.clear()
    four.publish()
    assert slow.started.wait(30)
    four.append(1)
    four.publish()
    four.append(2)
    assert four.publish() == 3
    assert slow.asked == 1
    four.settle()
    four.append(3)
    four.publish()
    four.settle()
    assert four.said()["c"] == "cosigned"
    assert four.alarms() == {}


def test_a_refusing_witness_is_an_alarm_that_is_kept_and_two_others_suffice(four):
    deceive(four.worlds["a"], four, 1)
    four.start_with(TWO_OF_THREE)
    assert four.publish() == 1
    assert four.cosigned_by() == {COORDINATOR, "b", "c"}
    four.settle()
    assert four.alarms() == {"a": "refused"}
    with pytest.raises(LedgerInconsistent, match="a refuses"):
        four.witnessing.require_well()
    (alarm,) = four.memory.alarms()
    assert (alarm.kind, alarm.size, alarm.name) == ("refused", 1, "a.example/w")
    assert alarm.note == four.ledger.checkpoint()
    assert four.told == [("refused", 1)], "other systems are told"
    four.publish()
    four.settle()
    assert four.told == [("refused", 1)], "once for each piece of evidence"
    four.open()
    assert four.alarms() == {"a": "refused"}, "also after a restart"
    (kept,) = four.worlds["a"].conflicts()
    assert kept.kind == "fork"
    assert kept.offered.decode() == alarm.note, "both sides have the same evidence"


def test_one_dead_one_refusing_and_the_third_slow_is_waited_for(four):
    """Two of three cannot do with one, and the slow one may still come: that is no inconsistency
    as long as a quorum can do without the one that refuses."""
    deceive(four.worlds["a"], four, 1)
    four.start_with(TWO_OF_THREE)
    four.ways["b"].dead = True
    four.ways["c"].gate.clear()
    four.witnessing._patience = Patience(answer_seconds=1.0, grace_seconds=0.0)
    with pytest.raises(QuorumMissed, match="c has not answered yet"):
        four.publish()
    assert four.published_size() == 0
    four.settle()
    four.witnessing._patience = Patience(answer_seconds=20.0, grace_seconds=0.0)
    with pytest.raises(QuorumMissed, match=r"a refuses.*; b does not answer.*; c has cosigned"):
        four.publish()
    four.ways["b"].dead = False
    assert four.publish() == 1
    assert four.alarms() == {"a": "refused"}


def test_a_quorum_that_needs_who_refuses_is_an_inconsistency(four):
    for name in ("a", "b"):
        deceive(four.worlds[name], four, 1)
    four.start_with(TWO_OF_THREE)
    with pytest.raises(LedgerInconsistent, match=r"a refuses.*; b refuses"):
        four.publish()
    assert four.published_size() == 0
    assert len(four.memory.alarms()) == 2


def test_a_witness_that_has_seen_more_stops_publishing_whatever_the_others_say(four):
    deceive(four.worlds["a"], four, 5)
    four.start_with(ONE_OF_THREE)
    four.witnessing._patience = Patience(20.0, 20.0)
    for _ in range(2):
        with pytest.raises(LedgerInconsistent, match=r"a has seen more entries .*5 entries"):
            four.publish()
    assert four.published_size() == 0
    assert four.alarms() == {"a": "ahead"}


def test_growing_past_what_a_witness_has_seen_does_not_silence_it(four):
    deceive(four.worlds["a"], four, 3)
    four.start_with(ONE_OF_THREE)
    four.witnessing._patience = Patience(20.0, 20.0)
    with pytest.raises(LedgerInconsistent):
        four.publish()
    four.append(1, 2, 3, 4)
    with pytest.raises(LedgerInconsistent, match="an old backup was restored"):
        four.publish()
    assert four.alarms() == {"a": "ahead"}
    assert sorted((a.kind, a.size) for a in four.memory.alarms()) == [("ahead", 1), ("refused", 5)]


def test_a_late_alarm_stops_what_comes_after_it_also_after_a_restart(four):
    deceive(four.worlds["a"], four, 5)
    four.start_with(TWO_OF_THREE)
    slow = four.ways["a"]
    slow.gate.clear()
    assert four.publish() == 1, "two others have cosigned, and it has not said anything yet"
    four.settle()
    slow.dead = True
    for _ in range(2):
        with pytest.raises(LedgerInconsistent):
            four.publish()
        four.open()
    slow.dead = False
    with pytest.raises(LedgerInconsistent):
        four.publish()


def test_an_alarm_is_over_when_the_witness_cosigns_again(four):
    four.start_with(ONE_OF_THREE)
    four.witnessing._patience = Patience(20.0, 20.0)
    four.ways["a"].answers = [(409, "5\n")]
    with pytest.raises(LedgerInconsistent):
        four.publish()
    four.settle()  # the others may be busy with it still, and are asked one thing at a time
    assert four.publish() == 1
    assert four.alarms() == {}
    assert len(four.memory.alarms()) == 1, "what was kept stays"


def test_evidence_of_one_witness_is_bounded(one, monkeypatch):
    monkeypatch.setattr("party_node.ledger.witness_memory.MOST_EVIDENCE", 3)
    for number in range(5):
        one.append(number)
        one.ways[COORDINATOR].answers = [(422, "")]
        with pytest.raises(LedgerInconsistent):
            one.publish()
    assert [alarm.size for alarm in one.memory.alarms()] == [2, 3, 4]


def test_each_witness_is_told_what_it_wants_to_know(four):
    """Sizes that witnesses have seen differ: each gets a proof from its own."""
    four.start_with(ONE_OF_THREE)
    four.witnessing._patience = Patience(20.0, 20.0)
    four.ways["b"].dead = True
    four.publish()
    four.append(1, 2)
    four.ways["b"].dead = False
    four.ways["c"].dead = True
    four.publish()
    four.append(3)
    four.ways["c"].dead = False
    seen = {}
    for name in THREE:
        real = four.ways[name]._http.add_checkpoint
        four.ways[name]._http.add_checkpoint = lambda request, name=name, real=real: (
            seen.setdefault(name, parse_add_checkpoint(request).old_size),
            real(request),
        )[1]
    assert four.publish() == 4
    assert seen == {"a": 3, "b": 3, "c": 1}
    assert four.cosigned_by() == {COORDINATOR, *THREE}


# -- another policy ----------------------------------------------------------------------------


def test_a_policy_is_taken_when_its_witnesses_publish_the_ledger(four):
    four.publish()
    four.adopt(TWO_OF_THREE)
    assert four.cosigned_by() == {COORDINATOR, *THREE}
    stored = (four.node.home.path / trust_policy.FILE).read_text()
    assert stored == four.text(TWO_OF_THREE) == four.witnessing.trust.text
    four.open()
    assert four.witnessing.trust.text == stored


def test_a_policy_whose_quorum_is_not_reached_now_is_refused(four):
    four.publish()
    four.ways["a"].dead = True
    with pytest.raises(PolicyUnusable, match=r"not reached now: .*a does not answer"):
        four.adopt(ALL)
    assert four.policy.quorum == COORDINATOR
    assert not (four.node.home.path / trust_policy.FILE).exists()
    four.witnessing.require_well()
    four.append(1)
    assert four.publish() == 2


def test_a_policy_without_the_coordinator_is_refused(four):
    with pytest.raises(PolicyUnusable, match="without coordinator"):
        four.adopt("group g 2 a b c\nquorum g")
    with pytest.raises(PolicyUnusable, match="the coordinator's witness"):
        four.adopt("quorum a", ("a", "b"))


def test_a_stricter_policy_publishes_anew_what_was_published_before(four):
    four.publish()
    before = four.witnessing.published()
    four.start_with(ALL)
    assert four.published_size() == 0, "what one witness cosigned is not published any more"
    assert four.publish() == 1
    assert four.witnessing.published() != before


def test_a_witness_is_taken_out(four):
    four.adopt(ALL)
    four.ways["c"].dead = True
    four.adopt("group g all coordinator a b\nquorum g", (COORDINATOR, "a", "b"))
    four.append(1)
    assert four.publish() == 2
    assert set(four.said()) == {COORDINATOR, "a", "b"}


@pytest.mark.parametrize("size", [1, 5])
def test_a_witness_that_has_raised_an_alarm_is_not_taken_out_by_the_way(four, size):
    deceive(four.worlds["a"], four, size)
    four.start_with(ONE_OF_THREE)
    without = ("quorum coordinator", (COORDINATOR, "b", "c"))
    with pytest.raises(PolicyUnusable, match="raised an alarm: a ") as caught:
        four.adopt(*without)
    assert caught.value.hint.endswith("--despite a")
    with pytest.raises(PolicyUnusable, match="raised an alarm"):
        four.adopt(*without, ["b"])
    assert four.policy.witnesses.keys() == {COORDINATOR, *THREE}
    four.adopt(*without, ["a"])
    assert four.publish() == 1
    assert four.alarms() == {}
    assert len(four.memory.alarms()) == 1


def test_a_policy_is_not_taken_while_one_of_its_witnesses_has_seen_more(four):
    four.publish()
    deceive(four.worlds["a"], four, 5)
    with pytest.raises(LedgerInconsistent, match="a has seen more"):
        four.adopt(ONE_OF_THREE)
    assert four.policy.quorum == COORDINATOR
    assert four.publish() == 1


def test_a_policy_that_cannot_be_kept_is_not_in_force(four):
    (four.node.home.path / f".{trust_policy.FILE}").mkdir()
    with pytest.raises(PolicyUnusable, match="cannot be written"):
        four.adopt(TWO_OF_THREE)
    assert four.policy.quorum == COORDINATOR


# -- backups, databases, keys ------------------------------------------------------------------


def backed_up(node) -> dict[str, bytes]:
    """Return the database as an operator copies it: the file and its log."""
    with sqlite3.connect(node.home.path / "node.db") as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    return {file.name: file.read_bytes() for file in node.home.path.glob("node.db*")}


def restore(node, files: dict[str, bytes]) -> None:
    node.db.close()
    for file in node.home.path.glob("node.db*"):
        file.unlink()
    for name, data in files.items():
        (node.home.path / name).write_bytes(data)


def test_a_restored_backup_is_found_out_at_the_start(one):
    one.append(1)
    one.publish()
    old = backed_up(one.node)
    one.append(2, 3)
    assert one.publish() == 4
    restore(one.node, old)
    one.open()
    assert one.ledger.head()[0] == 2, "the backup is whole and consistent in itself"
    assert one.ledger.verify().size == 2
    with pytest.raises(LedgerInconsistent, match=r"4 entries.*an old backup was restored"):
        one.publish()
    with pytest.raises(LedgerInconsistent):
        one.witnessing.require_well()
    one.append(10, 11, 12)
    with pytest.raises(LedgerInconsistent):
        one.publish()
    assert one.worlds[COORDINATOR].checkpoint(one.ledger.origin).text.split("\n")[1] == "4"


def test_a_restored_backup_that_has_grown_before_it_is_shown_is_refused(one):
    one.append(1)
    one.publish()
    old = backed_up(one.node)
    one.append(2, 3)
    one.publish()
    restore(one.node, old)
    one.open()
    one.append(20, 21, 22)
    with pytest.raises(LedgerInconsistent, match="does not continue what it saw"):
        one.publish()
    (kept,) = one.worlds[COORDINATOR].conflicts()
    assert (kept.kind, kept.offered.decode()) == ("unproven", one.ledger.checkpoint())


def test_one_independent_witness_is_enough_to_find_a_restored_backup(four):
    """The coordinator was deceived or is in league: the other one still knows."""
    four.adopt(ONE_OF_THREE)
    old = backed_up(four.node)
    four.append(1, 2)
    for name in ("b", "c"):
        four.ways[name].dead = True
    four.publish()
    restore(four.node, old)
    four.open()
    forget(four, COORDINATOR)
    for name in ("b", "c"):
        four.ways[name].dead = False
    four.witnessing._patience = Patience(20.0, 20.0)
    with pytest.raises(LedgerInconsistent, match="a has seen more"):
        four.publish()


def forget(fleet: Fleet, name: str) -> None:
    """Roll a witness back, as its operator could who is in league with the ledger's."""
    fleet.worlds[name].database.write(
        lambda s: s.connection().exec_driver_sql("DELETE FROM witness_heads")
    )


def test_ml_dsa_witnesses_publish_too(tmp_path):
    with fleet(tmp_path, "a", "b", key_type="ml-dsa-44") as made:
        assert made.key("a").kind is KeyType.MLDSA44_COSIGNATURE
        made.adopt("group g all coordinator a b\nquorum g")
        made.append(1)
        assert made.publish() == 2
        assert made.cosigned_by() == {COORDINATOR, "a", "b"}
        kinds = {
            c.verifier.kind for c in made.policy.open(made.witnessing.published()).cosignatures
        }
        assert kinds == {KeyType.ED25519_COSIGNATURE, KeyType.MLDSA44_COSIGNATURE}


def test_what_one_witness_had_cosigned_before_is_published(tmp_path):
    """A database of an earlier version: there was one witness, and no mark of publication."""
    db = Database(f"sqlite:///{tmp_path / 'old.db'}")
    scripts = Config()
    scripts.set_main_option("script_location", "party_node:migrations")
    scripts.set_main_option("path_separator", "os")
    before = ScriptDirectory.from_config(scripts).get_revision("0010").down_revision
    with db.connection() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, before)
        insert = "INSERT INTO checkpoints (size, root, note, cosigned) VALUES (?, ?, ?, ?)"
        connection.exec_driver_sql(insert, (1, b"r", "note", "note with a cosignature"))
        connection.exec_driver_sql(insert, (2, b"r", "note", None))
        connection.exec_driver_sql("INSERT INTO cursors VALUES ('witnessed-size', 1), ('jobs', 7)")
    migrate(db)
    with db.reading() as session:
        rows = session.exec(select(CheckpointRow).order_by(CheckpointRow.size)).all()
        assert [row.published for row in rows] == [True, False]
        # The board is read anew: jobs of before cannot be read any more (0020).
        assert [row.name for row in session.exec(select(CursorRow)).all()] == []
    db.close()
