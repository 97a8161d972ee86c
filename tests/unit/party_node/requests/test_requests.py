"""The life of people's requests: steps, times, who is meant, and that nothing is half done."""

import dataclasses
import json

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from consent.errors import UnknownPurpose
from consent.requests import RequestStatus, RequestType, SubjectRequest, SystemResult
from consent.statements import Relation
from party_node.errors import IdempotencyConflict, NotFound
from party_node.ledger.fsck import fsck
from party_node.requests.errors import IdentifierInText, StepNotPossible
from party_node.requests.tables import SubjectRequestRow
from party_node.surface_errors import MalformedRequest
from party_node.webhooks.tables import WebhookEventRow, WebhookRow
from tests.support.desk import ANNA, BO, BY, DAY_MS, open_desk

ACCESS, ERASE, WITHDRAW = RequestType.ACCESS, RequestType.ERASE, RequestType.WITHDRAW


def entries(desk, request):
    """Every entry of the ledger about a request, in order."""
    return [
        e.record
        for e in desk.ledger.entries()
        if isinstance(e.record, SubjectRequest) and e.record.request_id == request
    ]


def test_each_step_is_an_entry_and_changes_the_row(desk):
    row = desk.open(WITHDRAW)
    assert (row.status, row.regime, row.verified) == ("received", "uk-gdpr", False)
    desk.requests.extend(row.request_id, "many requests came in", 10, BY)
    desk.requests.verify(row.request_id, "call back to a known number", BY)
    desk.node.clock.advance(5_000)
    done = SystemResult(system="crm", outcome="withdrawn", at_ms=desk.node.clock())
    ended = desk.requests.complete(row.request_id, [done], "compliance:dpo")
    said = entries(desk, row.request_id)
    assert [s.status for s in said] == [
        RequestStatus.RECEIVED, RequestStatus.EXTENDED, RequestStatus.VERIFIED,
        RequestStatus.COMPLETED,
    ]  # fmt: skip
    assert [s.by for s in said] == [BY, BY, BY, "compliance:dpo"]
    assert [r.system for r in said[-1].results] == ["accord", "crm"]
    assert (said[1].reason, said[-1].verified_by) == (
        "many requests came in", "call back to a known number",
    )  # fmt: skip
    assert said[1].due_at_ms - said[0].due_at_ms == 10 * DAY_MS
    assert (ended.ended, ended.status, ended.due_ms) == (True, "completed", said[1].due_at_ms)
    assert desk.requests.get(row.request_id) == ended
    assert not fsck(desk.ledger, desk.node.identity)


def test_a_request_that_is_not_verified_cannot_be_fulfilled(desk):
    for kind in RequestType:
        row = desk.open(kind)
        with pytest.raises(StepNotPossible, match="verified"):
            desk.requests.complete(row.request_id, [], BY)
        if kind is ERASE:
            with pytest.raises(StepNotPossible, match="verified"):
                desk.erase(row.request_id)
        if kind is ACCESS:
            with pytest.raises(StepNotPossible, match="verified"):
                desk.fulfilling.ready(row.request_id, ACCESS)
            with pytest.raises(StepNotPossible, match="verified"):
                desk.fulfilling.note(row.request_id, "export", "exported", BY)
    assert desk.node.identity.find("email", ANNA) is not None
    assert desk.reason() == "permitted"


def test_what_cannot_be_done_says_what_can(desk):
    row = desk.open(WITHDRAW)
    with pytest.raises(StepNotPossible, match="verified yet"):
        desk.requests.complete(row.request_id, [], BY)
    desk.requests.extend(row.request_id, "why not", None, BY)
    with pytest.raises(StepNotPossible, match="can become now: verified, refused, cancelled"):
        desk.requests.extend(row.request_id, "again", None, BY)
    desk.requests.refuse(row.request_id, "it is somebody else's account", BY)
    for step in (
        lambda: desk.requests.verify(row.request_id, "x", BY),
        lambda: desk.requests.cancel(row.request_id, None, BY),
        lambda: desk.requests.complete(row.request_id, [], BY),
    ):
        with pytest.raises(StepNotPossible, match="is refused: nothing follows"):
            step()
    with pytest.raises(NotFound):
        desk.requests.verify("0" * 32, "x", BY)


def test_the_answer_is_due_by_the_strictest_law_that_applies(desk):
    node = desk.node
    assert desk.open(ACCESS).regime == "uk-gdpr"
    node_event = node.event(ANNA, "china", jurisdiction="CN", purpose="partner-marketing")
    desk.ledger.append([node_event])
    row = desk.open(ACCESS)
    assert (row.regime, row.place) == ("pipl", "CN")
    # 30 and 15 days after the day of receipt, each to the end of its day, in UTC.
    assert (row.due_ms + 1) % DAY_MS == 0
    assert (row.due_ms + 1) // DAY_MS - row.received_ms // DAY_MS == 16
    with pytest.raises(StepNotPossible, match="pipl knows no extension"):
        desk.requests.extend(row.request_id, "too much work", None, BY)
    # Of somebody of whom nothing is known, the strictest of all; if they say where, that.
    assert desk.open(ACCESS, "nobody@x.example").regime == "strictest"
    assert desk.open(ACCESS, "nobody@x.example", place="US-CA").regime == "ccpa"
    assert desk.open(ACCESS, BO, place="US-CA").regime == "uk-gdpr"


def test_days_end_in_the_controllers_zone(desk):
    here = dataclasses.replace(desk.ledger.vocabulary, controller_zone="Asia/Kathmandu")
    desk.ledger.change_policy(here, "test")
    row = desk.open(ACCESS)
    assert (row.due_ms + 1 + 5 * 3_600_000 + 45 * 60_000) % DAY_MS == 0


def test_a_late_answer_is_overdue_and_listed_first(desk):
    later = desk.open(ACCESS, BO)
    early = desk.open(ACCESS, received_ms=desk.node.clock() - 20 * DAY_MS)
    gone = desk.open(ACCESS, received_ms=desk.node.clock() - 90 * DAY_MS)
    desk.requests.cancel(gone.request_id, "came in twice", BY)
    desk.node.clock.advance(11 * DAY_MS)
    found = desk.requests.listed(10)
    assert [r.request_id for r in found] == [early.request_id, later.request_id]
    assert [desk.requests.overdue(r) for r in found] == [True, False]
    everything = desk.requests.listed(10, ended_too=True)
    assert [r.request_id for r in everything][-1] == gone.request_id
    assert not desk.requests.overdue(everything[-1])
    pages = []
    after = None
    while page := desk.requests.listed(1, ended_too=True, after=after):
        pages += page
        after = page[-1].request_id
    assert pages == list(everything)


def test_the_same_key_opens_one_request(desk):
    first = desk.open(ACCESS, key="ticket-17")
    size = desk.ledger.head()[0]
    assert desk.open(ACCESS, key="ticket-17").request_id == first.request_id
    assert desk.ledger.head()[0] == size
    for changes in ({"kind": ERASE}, {"email": BO}, {"relation": Relation.AGENT}, {"place": "DE"}):
        said = {"kind": ACCESS, "key": "ticket-17"} | changes
        with pytest.raises(IdempotencyConflict):
            desk.open(**said)
    # The key itself is not kept.
    assert b"ticket-17" not in (desk.requests.get(first.request_id).key or b"")


def test_words_that_outlive_the_person_must_not_name_them(desk):
    request = desk.open(WITHDRAW).request_id
    for text in ("asked by anna@x.example", "call +44 7700 900123", "0041 79 123 45 67"):
        for step in (
            lambda text=text: desk.requests.verify(request, text, BY),
            lambda text=text: desk.requests.refuse(request, text, BY),
            lambda text=text: desk.requests.cancel(request, text, BY),
            lambda text=text: desk.requests.extend(request, text, None, BY),
        ):
            with pytest.raises(IdentifierInText) as raised:
                step()
            assert text not in str(raised.value)
    desk.requests.extend(request, "ground: § 257 HGB, from 2026-01-01 to 2036-12-31", None, BY)
    detail = SystemResult(system="crm", outcome="done", at_ms=1, detail="see bo@x.example")
    desk.requests.verify(request, "passport", BY)
    with pytest.raises(IdentifierInText):
        desk.requests.complete(request, [detail], BY)


def test_a_request_names_known_purposes_and_a_time_that_has_come(desk):
    with pytest.raises(UnknownPurpose):
        desk.open(RequestType.OBJECT, purposes=("nothing-like-it",))
    with pytest.raises(MalformedRequest):
        desk.open(ACCESS, received_ms=desk.node.clock() + DAY_MS)
    soon = desk.open(ACCESS, received_ms=desk.node.clock() + 1_000)
    assert soon.received_ms == desk.node.clock()


def test_a_step_is_whole_or_not_at_all(desk, monkeypatch):
    request = desk.verified(WITHDRAW)
    before, row = desk.ledger.head(), desk.requests.get(request)

    def fail(_session, _entries):
        raise OSError("no")

    desk.ledger.on_appended.append(fail)
    with pytest.raises(OSError, match="no"):
        desk.requests.complete(request, [], BY)
    desk.ledger.on_appended.remove(fail)
    assert desk.ledger.head() == before
    assert desk.requests.get(request) == row
    assert desk.reason() == "permitted"


def test_everything_stands_after_a_restart(desk):
    request = desk.verified(WITHDRAW)
    again = open_desk(desk.node)
    assert again.requests.get(request) == desk.requests.get(request)
    again.requests.complete(request, [], BY)
    with pytest.raises(StepNotPossible):
        desk.requests.cancel(request, None, BY)


def test_a_row_that_was_changed_is_found(desk):
    request, other = desk.verified(WITHDRAW), desk.open(ACCESS).request_id
    with desk.node.db.writing() as session:
        change = update(SubjectRequestRow).where(col(SubjectRequestRow.request_id) == request)
        session.connection().execute(change.values(due_ms=SubjectRequestRow.due_ms + DAY_MS))
        session.delete(session.get(SubjectRequestRow, other))
    found = {f.where: f.what for f in fsck(desk.ledger, desk.node.identity).listed}
    assert (
        found[f"request {request[:8]}"] == "it stands otherwise than the last of its entries says"
    )
    assert found[f"request {other[:8]}"] == "the ledger has entries about it, and it is not here"


def test_other_systems_hear_of_each_step_without_whom(desk):
    with desk.node.db.writing() as session:
        session.add(
            WebhookRow(
                webhook="crm", url="https://crm.example/h", events="", loopback=False,
                state="active", secret=b"", created_ms=1,
            )
        )  # fmt: skip
    request = desk.completed(WITHDRAW)
    with desk.node.db.reading() as session:
        rows = session.execute(select(WebhookEventRow)).scalars().all()
    told = [json.loads(desk.outbox.open_body(row)) for row in rows]
    changes = [t["data"] for t in told if t["type"] == "request.changed"]
    assert [c["status"] for c in changes] == ["received", "verified", "completed"]
    assert {c["request"] for c in changes} == {request}
    assert all("subject" not in c and c["kind"] == "withdraw" for c in changes)
