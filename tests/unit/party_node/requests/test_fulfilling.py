"""What requests come to in the ledger: withdrawals, objections, a restriction; and what is left."""

import dataclasses
import json

import pytest

from consent.events import ConsentEvent
from consent.reasons import Reason
from consent.requests import RequestType
from consent.statements import Method, Relation
from consent.words import EventState, Operation
from party_node.aftermath.exposures import Exposures
from party_node.identity import EMAIL
from party_node.ledger.fsck import fsck
from party_node.merging import Merging
from party_node.requests.channels import METHOD, RequestChannel
from party_node.requests.errors import StepNotPossible
from party_node.requests.statements import SOURCE
from tests.support.desk import ANNA, BO, BY, DAY_MS
from tests.support.node import write_csv

DPSTAT = {"purpose": "audience-measurement", "operation": Operation.DP_STAT}
ACTIVATE = {"operation": Operation.ACTIVATE}


def said_by_requests(desk):
    return [
        e.record
        for e in desk.ledger.entries()
        if getattr(e.record, "source_id", "") == SOURCE and e.record is not None
    ]


def own(desk, request):
    (result,) = json.loads(desk.requests.get(request).results)
    return result["outcome"], result.get("detail")


def test_a_withdrawal_ends_every_standing_consent_in_one_append(desk):
    node = desk.node
    desk.ledger.append(
        [
            node.event(ANNA, "self", recipient="self", source_trust=7),
            node.event(ANNA, "mail", channel="email", recipient="shop"),
            node.event(ANNA, "no", purpose="partner-marketing", state=EventState.REFUSED),
        ]
    )
    node.clock.advance(60_000)
    request = desk.verified(RequestType.WITHDRAW, channel=RequestChannel.PHONE)
    received = desk.requests.get(request).received_ms
    node.clock.advance(3 * 86_400_000)
    size = desk.ledger.head()[0]
    desk.requests.complete(request, [], BY)
    said = said_by_requests(desk)
    assert {(s.purpose, s.recipient, s.channel, s.source_trust) for s in said} == {
        ("joint-audience", "shop", "*", 5),
        ("joint-audience", "shop", "email", 5),
        ("joint-audience", "self", "*", 7),
        ("audience-measurement", "shop", "*", 5),
    }
    assert {s.state for s in said} == {EventState.WITHDRAWN}
    assert {(s.method, s.relation) for s in said} == {(Method.PHONE, Relation.SUBJECT)}
    assert {s.event_time_ms for s in said} == {received}
    assert desk.ledger.head()[0] == size + len(said) + 1
    for question in ({}, {"channel": "email"}, {"recipient": "self"}, DPSTAT, ACTIVATE):
        assert desk.reason(**question) is Reason.WITHDRAWN
        assert desk.reason(BO, **question) in (Reason.PERMITTED, Reason.NO_EVIDENCE)
    assert own(desk, request) == ("withdrawn", "4 statements")
    assert not fsck(desk.ledger, node.identity)


def test_withdrawing_twice_says_nothing_twice(desk):
    desk.completed(RequestType.WITHDRAW)
    again = desk.completed(RequestType.WITHDRAW)
    assert own(desk, again) == ("withdrawn", "0 statements")
    assert desk.reason() is Reason.WITHDRAWN


def test_consent_that_was_given_anew_after_the_request_came_in_stays(desk):
    request = desk.verified(RequestType.WITHDRAW)
    desk.node.clock.advance(10 * 60_000)
    desk.ledger.append([desk.node.event(ANNA, "anew", source_id="web")])
    desk.node.clock.advance(60_000)
    desk.requests.complete(request, [], BY)
    assert desk.reason() is Reason.PERMITTED
    assert desk.reason(**DPSTAT) is Reason.WITHDRAWN


def test_a_withdrawal_that_waited_is_an_exposure_of_what_was_used_since(desk, tmp_path):
    path = write_csv(tmp_path / "people.csv", "key,mail", f"K-anna,{ANNA}", f"K-bo,{BO}")
    desk.node.datasets.register("people", path, "key", "mail", None, "GB")
    exposures = Exposures(desk.ledger, desk.node.identity, desk.gate.decisions)
    exposures.report()
    request = desk.verified(RequestType.WITHDRAW)
    desk.node.clock.advance(60_000)
    desk.gate.permit(
        "1" * 32, b"\x05" * 32, "people", "joint-audience", "shop", ("psi",), "brand", 60_000
    )
    desk.node.clock.advance(60_000)
    desk.requests.complete(request, [], BY)
    assert exposures.report() == 1


def test_an_objection_without_purposes_takes_machines_choices_away(desk):
    desk.completed(RequestType.OBJECT)
    assert desk.reason(**ACTIVATE) is Reason.NOT_PERSONALISED
    assert desk.reason() is Reason.PERMITTED
    assert desk.reason(BO, **ACTIVATE) is Reason.PERMITTED


def test_an_objection_to_purposes_is_towards_everybody_and_what_is_beneath(desk):
    request = desk.completed(RequestType.OBJECT, purposes=("partner-marketing",))
    (said,) = said_by_requests(desk)
    assert (said.purpose, said.recipient, said.state) == (
        "partner-marketing", "self", EventState.REFUSED,
    )  # fmt: skip
    assert desk.reason() is Reason.REFUSED
    assert desk.reason(**DPSTAT) is Reason.REFUSED
    assert own(desk, request) == ("objected", "1 statements")
    desk.completed(RequestType.OBJECT, BO, purposes=("joint-audience",))
    assert desk.reason(BO) is Reason.WITHDRAWN, "who had agreed has withdrawn"
    assert desk.reason(BO, **DPSTAT) is Reason.PERMITTED


def test_an_opt_out_of_sale_objects_to_what_the_policy_calls_a_sale(desk):
    desk.completed(RequestType.OPT_OUT_OF_SALE, place="US-CA")
    said = said_by_requests(desk)
    assert [s.purpose for s in said] == ["joint-audience"]
    assert said[0].jurisdiction == "GB", "the law of the strictest place that is known"
    assert desk.reason() is Reason.WITHDRAWN
    assert desk.reason(**DPSTAT) is Reason.PERMITTED


def test_somebody_unknown_can_object_to_what_may_come_later(desk):
    stranger = "stranger@x.example"
    request = desk.completed(RequestType.OPT_OUT_OF_SALE, stranger, place="US-CA")
    assert own(desk, request) == ("opted-out", "1 statements")
    (said,) = said_by_requests(desk)
    assert (said.state, said.jurisdiction) == (EventState.REFUSED, "US-CA")
    desk.ledger.append([desk.node.event(stranger, "sync", method=Method.IMPORT)])
    assert desk.reason(stranger) is Reason.REFUSED


def test_of_somebody_unknown_nothing_is_made_by_asking_for_access(desk):
    before = desk.node.identity.count()
    request = desk.verified(RequestType.ACCESS, "stranger@x.example")
    desk.requests.complete(request, [], BY)
    assert own(desk, request) == ("nobody-known", None)
    assert desk.node.identity.count() == before


def test_an_erasure_that_is_asked_for_before_the_person_is_known_takes_what_comes_meanwhile(desk):
    stranger = "stranger@x.example"
    request = desk.verified(RequestType.ERASE, stranger)
    desk.ledger.append([desk.node.event(stranger, "meanwhile", method=Method.IMPORT)])
    assert desk.fulfilling.erase(request, BY).entries == 1
    desk.requests.complete(request, [], BY)
    assert desk.node.identity.find(EMAIL, stranger) is None
    assert desk.node.identity.resolve([stranger], [None]).suppressed == {0}, (
        "no copy brings it back"
    )


def test_who_is_known_by_nothing_but_their_wish_to_be_erased_is_not_brought_in_later(desk):
    stranger = "stranger@x.example"
    request = desk.verified(RequestType.ERASE, stranger)
    assert desk.fulfilling.erase(request, BY).records == 1
    desk.requests.complete(request, [], BY)
    assert desk.node.identity.resolve([stranger], [None]).suppressed == {0}


def test_a_withdrawal_that_is_asked_for_before_the_person_is_known_ends_what_comes_meanwhile(desk):
    stranger = "stranger@x.example"
    request = desk.verified(RequestType.WITHDRAW, stranger)
    before = desk.node.clock.now_ms - DAY_MS
    desk.ledger.append([desk.node.event(stranger, "meanwhile", event_time_ms=before)])
    desk.requests.complete(request, [], BY)
    desk.node.clock.advance(1_000)
    assert desk.reason(stranger) is Reason.WITHDRAWN


def test_a_restriction_holds_for_everything_until_it_is_lifted(desk):
    request = desk.completed(RequestType.RESTRICT)
    everything = ({}, DPSTAT, ACTIVATE, {"recipient": "self"}, {"channel": "email"})
    for question in everything:
        assert desk.reason(**question) in (Reason.RESTRICTED, Reason.NO_EVIDENCE)
    assert desk.reason() is Reason.RESTRICTED
    # Neither a new yes nor a copy of another system's state lifts it.
    desk.ledger.append(
        [
            desk.node.event(ANNA, "anew"),
            desk.node.event(ANNA, "sync", method=Method.BATCH_SYNC, source_id="sync"),
        ]
    )
    desk.node.clock.advance(1_000)
    assert desk.reason() is Reason.RESTRICTED
    desk.fulfilling.lift(request, "compliance:dpo")
    desk.node.clock.advance(1_000)
    assert desk.reason() is Reason.PERMITTED
    actions = [e.record for e in desk.ledger.entries() if e.type == "operator-action"]
    assert [(a.action, a.by) for a in actions] == [("restriction-lifted", "compliance:dpo")]
    with pytest.raises(StepNotPossible, match="lifted already"):
        desk.fulfilling.lift(request, BY)
    desk.completed(RequestType.RESTRICT)
    assert desk.reason() is Reason.RESTRICTED, "another request restricts again"


def test_only_a_completed_restriction_can_be_lifted(desk):
    for request in (desk.verified(RequestType.RESTRICT), desk.completed(RequestType.WITHDRAW)):
        with pytest.raises(StepNotPossible, match="only a restriction"):
            desk.fulfilling.lift(request, BY)


def test_rectifying_is_done_elsewhere_and_noted_here(desk):
    size = desk.ledger.head()[0]
    request = desk.completed(RequestType.RECTIFY)
    assert desk.requests.get(request).results == "[]"
    assert desk.ledger.head()[0] == size + 3


def test_what_is_handed_over_comes_before_completing(desk):
    for kind, how in (
        (RequestType.ACCESS, "export"), (RequestType.PORT, "export"),
        (RequestType.EXPLAIN_DECISION, "explain"), (RequestType.ERASE, "erase"),
    ):  # fmt: skip
        request = desk.verified(kind)
        with pytest.raises(StepNotPossible) as raised:
            desk.requests.complete(request, [], BY)
        assert f"`accord request {how}`" in raised.value.hint
        desk.requests.cancel(request, None, BY)


def test_who_speaks_for_the_person_is_said(desk):
    desk.completed(RequestType.WITHDRAW, relation=Relation.GUARDIAN, channel=RequestChannel.E_MAIL)
    said = said_by_requests(desk)
    assert {(s.relation, s.method) for s in said} == {(Relation.GUARDIAN, Method.WEB_FORM)}
    assert set(METHOD) == set(RequestChannel)


def test_purposes_that_left_the_policy_are_withdrawn_from_too(desk):
    rest = tuple(
        p for p in desk.ledger.vocabulary.purposes if p.purpose_id != "audience-measurement"
    )
    desk.ledger.change_policy(dataclasses.replace(desk.ledger.vocabulary, purposes=rest), "test")
    desk.completed(RequestType.WITHDRAW)
    said = said_by_requests(desk)
    assert all(isinstance(s, ConsentEvent) for s in said)
    assert {s.purpose for s in said} == {"joint-audience", "audience-measurement"}


def test_a_person_with_merged_records_is_one_person(desk):
    """Whatever was asked under either record, before the merge or after it."""
    node = desk.node
    early = desk.verified(RequestType.WITHDRAW, BO)
    anna, bo = (node.identity.find("email", who) for who in (ANNA, BO))
    Merging(desk.ledger, node.identity, node.datasets).merge(anna, bo, "proved", "test")
    assert node.identity.find("email", BO) == anna
    node.clock.advance(60_000)
    ids = node.identity.subject_ids([anna])
    person = desk.fulfilling.about(desk.requests.get(early))
    assert (person.current, set(person.people)) == (anna, {anna, bo})
    assert len(person.entries) == 5
    desk.requests.complete(early, [], BY)
    assert {s.subject_id for s in said_by_requests(desk)} == {ids[anna]}
    assert desk.reason() is Reason.WITHDRAWN
    erase = desk.verified(RequestType.ERASE, BO)
    late = desk.verified(RequestType.ACCESS, ANNA)
    with pytest.raises(StepNotPossible, match="1 more"):
        desk.erase(erase)
    desk.requests.cancel(late, None, BY)
    assert desk.erase(erase).records == 2
    assert node.identity.count() == 0
    assert {desk.requests.get(r).subject for r in (early, late, erase)} == {None}
    assert not fsck(desk.ledger, node.identity)


def test_open_and_overdue_requests_are_counted(desk):
    assert desk.requests.counted() == (0, 0)
    desk.open(RequestType.ACCESS)
    desk.open(RequestType.ACCESS, received_ms=desk.node.clock() - 60 * 86_400_000)
    ended = desk.open(RequestType.ACCESS, received_ms=desk.node.clock() - 60 * 86_400_000)
    desk.requests.cancel(ended.request_id, None, BY)
    assert desk.requests.counted() == (2, 1)
