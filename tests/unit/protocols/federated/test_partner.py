"""A partner against an aggregator that does what it likes."""

import contextlib
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import signed
from protocols.codec import decode, encode
from protocols.errors import (
    ContextMismatch,
    ForgedEnvelope,
    InvalidParameter,
    LocalError,
    MalformedMessage,
    PeerError,
    ProtocolError,
    UnexpectedMessage,
)
from protocols.federated import aggregator, partner
from protocols.federated.aggregator import Stage
from protocols.federated.records import (
    AskConfirmation,
    AskKeys,
    AskOpening,
    AskShares,
    AskUpdate,
    Confirmed,
    Keys,
    Survivors,
    Told,
)
from protocols.federated.terms import Run
from protocols.signed import Signed
from tests.support.federation import Federation, federation, keys_of, run_of, terms_of
from tests.support.seeded import seeded


def at(stage: Stage, turn: int = 0, parties: int = 3) -> tuple[Federation, object]:
    """Return a run just before a stage, and what ben would be asked there."""
    played = federation(terms_of(parties))
    return played, aggregator.questions(played.until(stage, turn))["ben"]


def refused(played: Federation, question, kind=ProtocolError) -> None:
    """Ask ben; it must refuse, learn nothing and stay as it was."""
    member = played.members["ben"]
    before, learnt = member.state, list(member.learnt)
    with pytest.raises(kind):
        member.answer(question, played.run)
    assert (member.state, member.learnt) == (before, learnt)


# Once, and in order


@pytest.mark.parametrize("stage", list(Stage))
def test_the_same_question_again_gets_the_same_answer_and_learns_nothing_again(stage):
    played, question = at(stage, 1 if stage is Stage.TOLD else 0)
    member = played.members["ben"]
    first = member.answer(question, played.run)
    learnt = list(member.learnt)
    assert member.answer(question, played.run) == first
    assert member.learnt == learnt


def test_a_second_update_from_other_weights_in_the_same_round_is_refused():
    played, question = at(Stage.UPDATE)
    played.members["ben"].answer(question, played.run)
    other = dataclasses.replace(
        question, weights=bytes(7) + b"\x00" + question.weights[8:-1] + b"\x00"
    )
    again = dataclasses.replace(other, weights=(1).to_bytes(8, "little") + other.weights[8:])
    refused(played, again, UnexpectedMessage)


@pytest.mark.parametrize("stage", list(Stage)[:-1])
def test_a_question_of_before_is_refused_later(stage):
    played, question = at(stage)
    played.play()
    refused(played, question, UnexpectedMessage)


def test_confirmation_before_the_update_is_refused():
    played, _ = at(Stage.UPDATE)
    asked = AskConfirmation(played.run.context(), 0, (0, 1, 2))
    refused(played, asked, UnexpectedMessage)


def test_opening_before_the_confirmation_is_refused():
    played, _ = at(Stage.CONFIRMATION)
    refused(played, AskOpening(played.run.context(), 0, ()), UnexpectedMessage)


def test_an_update_before_the_shares_is_refused():
    played, _ = at(Stage.SHARES)
    refused(played, AskUpdate(played.run.context(), 0, bytes(48), ()), UnexpectedMessage)


@pytest.mark.parametrize("turn", [-1, 2, 200])
def test_a_round_that_was_not_agreed_is_refused(turn):
    played, question = at(Stage.UPDATE)
    refused(played, dataclasses.replace(question, turn=turn), UnexpectedMessage)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_question_of_another_run_is_refused(stage):
    played, question = at(stage, 1 if stage is Stage.TOLD else 0)
    refused(played, dataclasses.replace(question, ctx=bytes(32)), ContextMismatch)


def test_an_answer_is_not_a_question():
    played, _ = at(Stage.SHARES)
    told = decode(Keys, played.aggregator().keys[0].body)
    with pytest.raises(MalformedMessage):
        partner.read_question(encode(told))


# Keys and shares


def test_a_key_that_the_aggregator_exchanged_is_refused():
    """It cannot sign for a partner: a key of its own in ada's place has no signature of ada's."""
    played, question = at(Stage.SHARES)
    told = decode(Keys, question.keys[0].body)
    own = dataclasses.replace(told, channel=bytes([9]) + bytes(31))
    forged = dataclasses.replace(question.keys[0], body=encode(own))
    exchanged = (forged, *question.keys[1:])
    refused(played, dataclasses.replace(question, keys=exchanged), ForgedEnvelope)


def test_a_key_signed_by_somebody_who_is_no_partner_is_refused():
    played, question = at(Stage.SHARES)
    told = decode(Keys, question.keys[0].body)
    stranger = signed.sign(keys_of("zoe"), told)
    refused(played, dataclasses.replace(question, keys=(stranger, *question.keys[1:])))


def test_a_partner_cannot_speak_for_another():
    """Ada's signature under an answer that names cem's place."""
    played, question = at(Stage.SHARES)
    told = dataclasses.replace(decode(Keys, question.keys[0].body), number=2)
    forged = signed.sign(keys_of("ada"), told)
    refused(
        played, dataclasses.replace(question, keys=(*question.keys[:2], forged)), ContextMismatch
    )


def test_keys_of_another_run_are_refused():
    other = federation(terms_of(3, job="aa" * 16))
    strays = other.until(Stage.SHARES).keys
    played, question = at(Stage.SHARES)
    refused(played, dataclasses.replace(question, keys=strays), ContextMismatch)


def test_a_partner_twice_does_not_make_enough_partners():
    played, question = at(Stage.SHARES)
    twice = (question.keys[1], question.keys[1])
    refused(played, dataclasses.replace(question, keys=twice), MalformedMessage)


def test_fewer_partners_than_the_threshold_get_no_shares():
    played, question = at(Stage.SHARES)
    refused(played, dataclasses.replace(question, keys=question.keys[1:2]), MalformedMessage)


def test_a_partner_that_lost_its_state_does_not_go_on_with_other_keys():
    """Its new keys are not those that the others have: it would mask with them in vain."""
    played, question = at(Stage.SHARES)
    fresh = partner.begin(played.run, "ben", seeded("after the loss"))
    played.members["ben"].state = encode(fresh)
    played.members["ben"].answer(AskKeys(played.run.context()), played.run)
    refused(played, question, ContextMismatch)


def test_an_update_for_fewer_than_the_threshold_is_refused():
    played, question = at(Stage.UPDATE)
    refused(played, dataclasses.replace(question, shares=question.shares[1:2]), MalformedMessage)


def test_an_update_that_leaves_this_partner_out_is_refused():
    played, question = at(Stage.UPDATE, parties=4)
    without = tuple(s for s in question.shares if s.signer != "ben")
    refused(played, dataclasses.replace(question, shares=without), MalformedMessage)


def test_a_first_round_from_other_weights_than_0_is_refused():
    played, question = at(Stage.UPDATE)
    other = (1).to_bytes(8, "little") + question.weights[8:]
    refused(played, dataclasses.replace(question, weights=other), MalformedMessage)


def test_weights_beyond_the_bound_are_refused():
    played, question = at(Stage.UPDATE)
    far = (2**62).to_bytes(8, "little") + question.weights[8:]
    refused(played, dataclasses.replace(question, weights=far), MalformedMessage)


def test_what_learning_raises_leaves_the_state_as_it_was():
    played, question = at(Stage.UPDATE)
    member = played.members["ben"]

    def learn(turn, weights):
        raise LocalError("no budget")

    before = member.partner()
    with pytest.raises(LocalError):
        partner.answer(before, question, member.keys, learn, member.rng)
    assert member.partner() == before
    assert member.answer(question, played.run)


# Survivors


@pytest.mark.parametrize(
    "survivors", [(), (1,), (0, 2), (1, 0), (0, 1, 1), (0, 1, 9), (-1, 1), (0, 1, 2, 3)]
)
def test_survivors_that_are_too_few_or_nobody_are_refused(survivors):
    played, question = at(Stage.CONFIRMATION)
    refused(played, dataclasses.replace(question, survivors=survivors), MalformedMessage)


def test_two_lists_of_survivors_in_one_round_are_never_confirmed():
    """Else the aggregator could get both kinds of shares of one partner."""
    played, question = at(Stage.CONFIRMATION)
    played.members["ben"].answer(question, played.run)
    refused(played, dataclasses.replace(question, survivors=(0, 1)), UnexpectedMessage)


def test_opening_for_others_than_it_confirmed_is_refused():
    played, question = at(Stage.OPENING)
    ctx = played.run.context()
    others = tuple(
        signed.sign(keys_of(party), Confirmed(ctx, number, 0, (0, 1)))
        for number, party in enumerate(("ada", "ben"))
    )
    refused(played, dataclasses.replace(question, confirmed=others), ContextMismatch)


def test_opening_with_fewer_confirmations_than_the_threshold_is_refused():
    played, question = at(Stage.OPENING)
    refused(
        played, dataclasses.replace(question, confirmed=question.confirmed[:1]), MalformedMessage
    )


def test_confirmations_of_another_round_open_nothing():
    played = federation(terms_of(3))
    first = aggregator.questions(played.until(Stage.OPENING))["ben"]
    second = aggregator.questions(played.until(Stage.OPENING, 1))["ben"]
    stale = dataclasses.replace(second, confirmed=first.confirmed)
    refused(played, stale, ContextMismatch)


def test_a_confirmation_of_one_that_dropped_out_does_not_count():
    played = federation(terms_of(3))
    for stage in (Stage.KEYS, Stage.SHARES, Stage.UPDATE, Stage.CONFIRMATION):
        assert played.aggregator().stage is stage
        played.step(present=lambda party, at, turn: at is not Stage.UPDATE or party != "cem")
    question = aggregator.questions(played.aggregator())["ben"]
    late = signed.sign(keys_of("cem"), Confirmed(played.run.context(), 2, 0, (0, 1)))
    refused(played, dataclasses.replace(question, confirmed=(question.confirmed[1], late)))


def test_of_no_partner_are_both_kinds_of_shares_ever_given():
    """Whatever lists it shows to whom, none gets a threshold of confirmations here."""
    played, _ = at(Stage.CONFIRMATION)
    ctx = played.run.context()
    shown = {"ada": (0, 1), "ben": (0, 1, 2), "cem": (0, 2)}
    confirmed = {
        party: decode(
            Signed,
            played.members[party].answer(AskConfirmation(ctx, 0, survivors), played.run),
        )
        for party, survivors in shown.items()
    }
    for party in shown:
        mine = tuple(c for p, c in sorted(confirmed.items()) if shown[p] == shown[party])
        with pytest.raises(ProtocolError):
            played.members[party].answer(AskOpening(ctx, 0, mine), played.run)


# The end, and anything at all


def test_a_model_beyond_the_bound_is_refused():
    played, _ = at(Stage.TOLD, 1)
    refused(played, Told(played.run.context(), b"\x7f" * 48, (), ()), MalformedMessage)


def test_only_partners_begin():
    with pytest.raises(InvalidParameter):
        partner.begin(run_of(terms_of(3)), "zoe", seeded("x"))


def test_a_run_has_the_keys_of_its_partners():
    run = run_of(terms_of(3))
    with pytest.raises(LocalError):
        Run(run.terms, run.publics[::-1])


@settings(max_examples=40)
@given(
    st.sampled_from(list(Stage)[:-1]),
    st.sampled_from([AskKeys, AskShares, AskUpdate, AskConfirmation, AskOpening, Told]),
    st.data(),
)
def test_whatever_is_asked_a_partner_answers_or_refuses(stage, kind, data):
    played = federation(terms_of(3, rounds=1, one_hot=(2,)))
    state = played.until(stage)
    strays = st.lists(
        st.sampled_from([*state.keys, *state.shares, *state.masked] or [None]), max_size=3
    )
    values = {
        "turn": data.draw(st.integers(-1, 2)),
        "weights": data.draw(st.binary(max_size=30)),
        "survivors": tuple(data.draw(st.lists(st.integers(-1, 3), max_size=4))),
    }
    fields = {}
    for each in dataclasses.fields(kind)[1:]:
        drawn = tuple(s for s in data.draw(strays) if s) if each.name not in values else None
        fields[each.name] = values.get(each.name, drawn)
    question = kind(played.run.context(), **fields)
    with contextlib.suppress(ProtocolError):
        played.members["ben"].answer(question, played.run)
    assert len(played.members["ben"].learnt) <= 1


@given(st.binary(max_size=100))
def test_whatever_bytes_come_reading_a_question_ends_in_one_or_a_refusal(data):
    with pytest.raises(ProtocolError):
        partner.read_question(data)


# What is told


def told_to_ben() -> tuple[Federation, Told]:
    played, question = at(Stage.TOLD, 1)
    assert isinstance(question, Told)
    return played, question


def test_what_is_told_of_the_rounds_is_what_was_opened() -> None:
    played, told = told_to_ben()
    assert [turn.numbers for turn in told.turns] == [(0, 1, 2), (0, 1, 2)]
    assert told.present == (0, 1, 2)
    member = played.members["ben"]
    member.answer(told, played.run)
    assert member.partner().told == told
    assert member.partner().model == told.weights


@pytest.mark.parametrize(
    "changes",
    [
        {"turns": (Survivors((0, 1)), Survivors((0, 1, 2)))},
        {"turns": (Survivors((0, 1, 2)),)},
        {"turns": (Survivors((2, 1, 0)), Survivors((0, 1, 2)))},
        {"turns": (Survivors((0, 1, 2)), Survivors((0, 1, 7)))},
        {"turns": (Survivors((0, 1, 2)), Survivors((1,)))},
        {"present": (1,)},
        {"present": (0, 1, 1)},
        {"present": ()},
    ],
    ids=str,
)
def test_rounds_that_were_told_otherwise_than_opened_are_refused(changes) -> None:
    played, told = told_to_ben()
    refused(played, dataclasses.replace(told, **changes), PeerError)


def test_one_that_missed_the_last_round_is_not_told_to_have_been_there() -> None:
    def present(party: str, stage: Stage, turn: int) -> bool:
        return party != "ben" or turn == 0

    played = federation(terms_of(3))
    played.until(Stage.UPDATE, 1)
    played.until(Stage.TOLD, 1, present=present)
    told = aggregator.questions(played.aggregator())["ben"]
    assert isinstance(told, Told)
    assert told.turns[1] == Survivors((0, 2))
    assert told.present == (0, 2)
    # As if it had been there: its own memory says otherwise.
    everybody = Survivors((0, 1, 2))
    lie = dataclasses.replace(told, turns=(told.turns[0], everybody), present=(0, 1, 2))
    refused(played, lie, PeerError)
    played.members["ben"].answer(told, played.run)
