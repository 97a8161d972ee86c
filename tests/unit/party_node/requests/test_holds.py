"""Holds: what a law keeps is sealed from the node itself, opens to two roles, and ends in time."""

import hashlib
import json

import pytest
from sqlalchemy import delete, select, text, update
from sqlmodel import col

from consent.ledger import open_payload, parse_leaf
from consent.milestones import Erasure, OperatorAction
from consent.records import payload_bytes
from consent.requests import RequestType
from consent.words import EventState
from party_node.erasure.hold_tables import HeldPayloadRow, HoldHalfRow, HoldRow
from party_node.erasure.holds import HoldOrder
from party_node.errors import IllegalState, NotFound, SealBroken
from party_node.ledger.fsck import fsck
from party_node.requests.errors import IdentifierInText, StepNotPossible
from party_node.requests.tables import SubjectRequestRow
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.errors import HoldStranded, NobodyInRole
from party_node.roles.tokens import StaffRole
from party_node.tables import EntryRow, PayloadRow, SubjectKeyRow, SubjectRow
from tests.support.desk import ANNA, BO, BY, DAY_MS, open_desk
from tests.support.needles import Haystack, in_clear, of_identifier, of_text

OPERATOR, COMPLIANCE = StaffRole.OPERATOR, StaffRole.COMPLIANCE
GROUND = "GDPR 17(3)(e)"


@pytest.fixture
def staff(desk):
    """An operator and a compliance officer."""
    return desk.staff("op", OPERATOR), desk.staff("dpo", COMPLIANCE)


def order(desk, days=30, purposes=(), ground=GROUND):
    return HoldOrder(ground, desk.node.clock() + days * DAY_MS, purposes)


def everything(desk):
    """Every byte of the database: on SQLite as it lies on the disk."""
    desk.node.db.scrub()
    if desk.node.db.dialect == "sqlite":
        files = [p for p in desk.node.home.path.rglob("*") if p.is_file()]
        return b"".join(p.read_bytes() for p in files)
    rows = []
    with desk.node.db.reading() as session:
        tables = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        for table in tables.all():
            for row in session.execute(text(f'SELECT * FROM "{table}"')):
                rows += [v if isinstance(v, bytes) else str(v).encode() for v in row]
    return b"\x00".join(rows)


def test_held_payloads_open_to_two_roles_and_to_the_leaf(desk, staff):
    operator, officer = staff
    desk.ledger.append([desk.node.event(ANNA, "no", state=EventState.WITHDRAWN)])
    dense = desk.node.identity.find("email", ANNA)
    before = {e.index: e for e in desk.ledger.events_of(dense)}
    request = desk.verified(RequestType.ERASE)
    erased = desk.erase(request, order(desk))
    assert (erased.entries, erased.held) == (3, 3)
    (hold,) = desk.holds.open(request, officer, operator)
    assert (hold.ground, len(hold.entries)) == (GROUND, 3)
    for held in hold.entries:
        known = before[held.index]
        assert held.payload == json.loads(payload_bytes(known.record))
        assert (held.type, held.recorded_ms) == (known.type, known.recorded_ms)
        # Anybody who is shown payload and salt can compare them with the leaf, as ever.
        opened = open_payload(known.leaf, salt=known.salt, payload=payload_bytes(known.record))
        assert opened == known.record
    said = [e.record for e in desk.ledger.entries() if isinstance(e.record, OperatorAction)][-1]
    assert (said.action, said.by) == ("hold-opened", "operator:op and compliance:dpo")
    assert said.detail == f"request {request}"
    assert not fsck(desk.ledger, desk.node.identity)


def test_it_takes_both_tokens_and_those_of_the_time(desk, staff):
    operator, officer = staff
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk))
    late_operator, late_officer = desk.staff("op-2", OPERATOR), desk.staff("dpo-2", COMPLIANCE)
    size = desk.ledger.head()[0]
    for first, second in ((officer, late_operator), (late_officer, operator)):
        with pytest.raises(NotFound, match="not sealed to"):
            desk.holds.open(request, first, second)
    # One person cannot play both: the halves are different, and each is bound to its role.
    for first, second in ((officer, officer), (operator, operator), (operator, officer)):
        with pytest.raises(SealBroken):
            desk.holds.open(request, first, second)
    assert desk.ledger.head()[0] == size, "nothing was opened, so nothing is said"


def test_the_node_alone_cannot_open_a_hold(desk, staff):
    """Whoever has the home folder with all its keys and the database has not what opens it."""
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk))
    data = everything(desk)
    for token in (s.token for s in staff):
        assert token.secret not in data
        assert token.text.encode() not in data
    with desk.node.db.reading() as session:
        (held, *_) = session.execute(select(HeldPayloadRow)).scalars().all()
    with pytest.raises(SealBroken):
        desk.node.vault.open(f"held/{held.hold}/{held.index}", held.sealed)


def test_after_an_erasure_with_a_hold_nothing_of_the_person_is_in_the_clear(desk, staff):
    desk.ledger.append([desk.node.event(ANNA, "anna-event-17", control_label="I, Anna, agree")])
    dense = desk.node.identity.find("email", ANNA)
    with desk.node.db.reading() as session:
        own = select(EntryRow.index).where(col(EntryRow.subject) == dense)
        indices = session.execute(own).scalars().all()
        payloads = select(PayloadRow).where(col(PayloadRow.index).in_(indices))
        rows = session.execute(payloads).scalars().all()
        subject_id = session.get(SubjectRow, dense).subject_id
        wrapped = session.get(SubjectKeyRow, dense).wrapped
    request = desk.verified(RequestType.ERASE)
    row = desk.requests.get(request)
    needles = [
        *of_identifier("e-mail", "email", ANNA),
        *of_text("record id", subject_id),
        *of_text("source's id", "anna-event-17"),
        *of_text("label", "I, Anna, agree"),
        *in_clear("wrapped keys", bytes(wrapped)),
        *in_clear("identifier digest", desk.node.identity._digest("email", ANNA)),
        *in_clear("request key", bytes(row.key)),
        *in_clear("request content", bytes(row.content)),
    ]
    for payload in rows:
        needles += in_clear(f"salt {payload.index}", bytes(payload.salt))
        needles += in_clear(f"ciphertext {payload.index}", bytes(payload.ciphertext))
    hay = Haystack(needles)
    assert {"wrapped keys", "identifier digest", "source's id", "request key"} <= set(
        hay.find(everything(desk))
    )
    desk.erase(request, order(desk))
    desk.requests.complete(request, [], BY)
    desk.ledger.checkpoint()
    assert hay.find(everything(desk)) == []
    # It is all there still, for two who agree.
    operator, officer = staff
    (hold,) = desk.holds.open(request, officer, operator)
    labels = [entry.payload.get("control_label") for entry in hold.entries]
    assert "I, Anna, agree" in labels
    assert {entry.payload["subject_id"] for entry in hold.entries} == {subject_id}
    assert hay.find(everything(desk)) == [], "opening leaves nothing either"


def test_what_is_held_decides_nothing_and_is_listed_nowhere(desk, staff):
    dense = desk.node.identity.find("email", ANNA)
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk))
    for again in (desk, open_desk(desk.node)):
        assert desk.node.identity.find("email", ANNA) is None
        assert again.ledger.events_of(dense) == []
        with again.ledger.hold() as head:
            assert dense not in head.projection.subjects
        gone = [e for e in again.ledger.entries() if e.erased is not None]
        assert all(e.record is None and e.salt is None for e in gone)
        assert again.requests.get(request).subject is None
    assert desk.reason(BO) == "permitted"


def test_only_some_purposes_may_be_held_and_on_several_grounds(desk, staff):
    operator, officer = staff
    request = desk.verified(RequestType.ERASE)
    erased = desk.erase(
        request,
        order(desk, 10, ("joint-audience",)),
        order(desk, 20, (), "PIPL 56"),
    )
    assert (erased.entries, erased.held) == (2, 3)
    record = next(e.record for e in desk.ledger.entries() if isinstance(e.record, Erasure))
    assert sorted((h.ground, h.entries) for h in record.holds) == [(GROUND, 1), ("PIPL 56", 2)]
    opened = {h.ground: h for h in desk.holds.open(request, officer, operator)}
    assert [e.payload["purpose"] for e in opened[GROUND].entries] == ["joint-audience"]
    assert not fsck(desk.ledger, desk.node.identity)
    desk.node.clock.advance(11 * DAY_MS)
    assert desk.holds.end_due() == 1
    (left,) = desk.holds.open(request, officer, operator)
    assert left.ground == "PIPL 56"
    assert not fsck(desk.ledger, desk.node.identity)


def test_a_hold_ends_with_its_day_and_the_ledger_says_so(desk, staff):
    operator, officer = staff
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk, 30))
    assert desk.holds.end_due() == 0
    with desk.node.db.reading() as session:
        sealed = session.execute(select(HeldPayloadRow.sealed)).scalars().all()
        halves = session.execute(select(HoldHalfRow.sealed)).scalars().all()
    desk.node.clock.advance(30 * DAY_MS + 1)
    with pytest.raises(NotFound, match="nothing is held"):
        desk.holds.open(request, officer, operator)
    assert desk.holds.end_due() == 1
    data = everything(desk)
    assert not any(bytes(secret) in data for secret in (*sealed, *halves))
    said = [e.record for e in desk.ledger.entries() if isinstance(e.record, OperatorAction)][-1]
    assert (said.action, said.by, said.detail) == (
        "hold-destroyed", "node", f"request {request}",
    )  # fmt: skip
    assert desk.holds.end_due() == 0
    assert desk.holds.listed(request)[0]["destroyed"]
    assert not fsck(desk.ledger, desk.node.identity)


def test_a_hold_that_cannot_be_keeps_the_person_unerased(desk):
    request = desk.verified(RequestType.ERASE)
    head = desk.ledger.head()

    def refused(error, *holds, match=None):
        with pytest.raises(error, match=match):
            desk.erase(request, *holds)
        assert desk.ledger.head() == head
        assert desk.reason() == "permitted"

    refused(NobodyInRole, order(desk))
    desk.staff("dpo", COMPLIANCE)
    head = desk.ledger.head()
    refused(NobodyInRole, order(desk), match="operator")
    desk.staff("op", OPERATOR)
    head = desk.ledger.head()
    refused(IllegalState, order(desk, -1), match="ended already")
    refused(IllegalState, order(desk, 5, ("partner-marketing",)), match="nothing about")
    refused(IdentifierInText, order(desk, 5, (), f"claim of {ANNA}"))


def test_an_erasure_waits_for_the_persons_other_requests(desk):
    other = desk.verified(RequestType.ACCESS)
    request = desk.verified(RequestType.ERASE)
    with pytest.raises(StepNotPossible, match=f"1 more .* as {other}"):
        desk.erase(request)
    desk.requests.cancel(other, None, BY)
    desk.erase(request)
    with desk.node.db.reading() as session:
        rows = session.execute(select(SubjectRequestRow)).scalars().all()
    assert {(r.subject, r.key, r.content) for r in rows} == {(None, None, None)}
    assert desk.erase(request).entry is None, "a second time changes nothing"
    desk.requests.complete(request, [], BY)
    (own,) = json.loads(desk.requests.get(request).results)
    assert own["outcome"] == "erased"


def test_somebody_new_can_be_let_in_by_somebody_in_the_role(desk, staff):
    operator, officer = staff
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk))
    with pytest.raises(IllegalState):
        desk.roles.add("dpo-2", COMPLIANCE, ADMINISTRATOR, sharing=operator)
    token = desk.roles.add("dpo-2", COMPLIANCE, ADMINISTRATOR, sharing=officer)
    successor = desk.roles.caller(token)
    assert len(desk.holds.open(request, successor, operator)) == 1
    desk.roles.revoke("dpo", ADMINISTRATOR)
    assert len(desk.holds.open(request, successor, operator)) == 1
    with pytest.raises(NotFound):
        desk.holds.open(request, officer, operator)
    with pytest.raises(HoldStranded, match="1 holds"):
        desk.roles.revoke("dpo-2", ADMINISTRATOR)
    desk.roles.revoke("dpo-2", ADMINISTRATOR, strand_holds=True)
    assert not fsck(desk.ledger, desk.node.identity)


def put(**values):
    """Change every hold, past its stamp."""
    return lambda session: session.connection().execute(update(HoldRow).values(**values))


CHANGES = {
    "a hold is gone": (lambda s: s.execute(delete(HoldRow)), "holds of erasure"),
    "its time": (put(until_ms=9), "holds of erasure"),
    "its ground": (put(ground="x"), "holds of erasure"),
    "its end": (put(ended=0), "hold "),
    "payloads are gone": (lambda s: s.execute(delete(HeldPayloadRow)), "hold "),
    "a payload": (
        lambda s: s.execute(update(HeldPayloadRow).values(sealed=b"x")), "held payload of entry",
    ),
    "a check": (
        lambda s: s.execute(update(HeldPayloadRow).values(check=b"x")), "held payload of entry",
    ),
    "a half": (lambda s: s.execute(update(HoldHalfRow).values(sealed=b"x")), "hold "),
    "a role": (lambda s: s.execute(update(HoldHalfRow).values(role="x")), "hold "),
}  # fmt: skip


@pytest.mark.parametrize("changed", CHANGES)
def test_fsck_finds_whatever_is_changed_in_a_hold(desk, staff, changed):
    change, where = CHANGES[changed]
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk, 30, ("joint-audience",)))
    assert not fsck(desk.ledger, desk.node.identity)
    with desk.node.db.writing() as session:
        change(session)
    found = [f.where for f in fsck(desk.ledger, desk.node.identity).listed]
    assert any(f.startswith(where) for f in found), found


def test_the_commitment_in_the_leaf_still_opens_with_what_is_held(desk, staff):
    """The one check that needs the tokens: payload and salt against `pcom`, byte for byte."""
    operator, officer = staff
    request = desk.verified(RequestType.ERASE)
    desk.erase(request, order(desk))
    hold = desk.holds.open(request, officer, operator)[0].entries[0]
    with desk.node.db.reading() as session:
        row = session.execute(select(HeldPayloadRow)).scalars().first()
        leaf = parse_leaf(session.get(EntryRow, hold.index).leaf)
        vault = desk.holds._vault(
            row.hold, *(desk.holds._half(session, row.hold, who) for who in (officer, operator))
        )
    content = vault.open(f"held/{row.hold}/{row.index}", row.sealed)
    assert hashlib.sha256(b"pcom/v1" + content).digest() == leaf.pcom
