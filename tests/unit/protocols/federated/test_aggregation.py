"""Secure aggregation: what comes out, who may drop out, and what the aggregator sees."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import signed
from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.federated import aggregator, estimate, fixed_point, masks
from protocols.federated.aggregator import NO_ANSWER, Model, Stage
from protocols.federated.errors import TooFewPartners
from protocols.federated.estimate import Summed
from protocols.federated.records import Confirmed, Keys, Masked, Opened
from protocols.signed import Signed
from tests.support.federation import NAMES, Federation, federation, terms_of, updates_of

IN_ROUNDS = (Stage.UPDATE, Stage.CONFIRMATION, Stage.OPENING)


def expected(terms, *rounds):
    """The weights that follow from these partners' updates, round by round."""
    weights, sums = fixed_point.start(terms), []
    for turn, contributed in enumerate(rounds):
        total = sum(updates_of(terms, turn)[party] for party in contributed)
        numbers = tuple(terms.number(party) for party in contributed)
        sums.append(Summed(weights, numbers, total.astype("<i8").tobytes()))
        weights = estimate.weights(terms, sums)
    return weights


def contributed(model):
    return [turn.contributed for turn in model.turns]


def test_another_partners_update_is_another_model():
    terms = terms_of(3)
    models = {
        expected(terms, first, then)
        for first in (terms.parties, ("ada", "ben"))
        for then in (terms.parties, ("ada", "cem"))
    }
    assert len(models) == 4


@pytest.mark.parametrize("parties", [2, 3, 4, 7])
def test_the_model_is_exactly_that_of_the_sum_of_what_all_learnt(parties):
    terms = terms_of(parties)
    model = federation(terms).play()
    assert model.weights == expected(terms, *contributed(model))
    assert [t.contributed for t in model.turns] == [terms.parties] * 2
    assert model.absences == ()


def test_the_second_round_starts_from_the_model_of_the_first():
    terms = terms_of()
    played = federation(terms)
    assert played.until(Stage.UPDATE, 1).weights == expected(terms, terms.parties)


def test_everybody_has_the_model_and_learnt_once_in_each_round():
    played = federation(terms_of())
    model = played.play()
    assert {m.partner().model for m in played.members.values()} == {model.weights}
    assert [m.learnt for m in played.members.values()] == [[0, 1]] * 3


# Who drops out


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("who", NAMES[:3])
def test_one_of_three_is_gone_from_any_stage_on_and_training_ends(stage, who):
    terms, order = terms_of(3), list(Stage)

    def present(party, at, turn):
        return party != who or (turn == 0 and order.index(at) < order.index(stage))

    model = federation(terms).play(present=present)
    others = tuple(p for p in terms.parties if p != who)
    first = terms.parties if stage in (Stage.CONFIRMATION, Stage.OPENING, Stage.TOLD) else others
    assert [t.contributed for t in model.turns] == [first, others]
    assert model.weights == expected(terms, first, others)
    assert {(a.party, a.code) for a in model.absences} == {(who, NO_ANSWER)}


@pytest.mark.parametrize("stage", IN_ROUNDS)
def test_one_that_missed_a_round_takes_part_in_the_next(stage):
    terms = terms_of(3)
    model = federation(terms).play(
        present=lambda party, at, turn: not (party == "ben" and at is stage and turn == 0)
    )
    assert model.turns[1].contributed == terms.parties
    assert model.weights == expected(terms, *contributed(model))


def test_one_that_was_away_until_the_second_round_still_counts_there():
    terms = terms_of(3)
    away = {Stage.UPDATE, Stage.CONFIRMATION, Stage.OPENING}
    model = federation(terms).play(
        present=lambda party, at, turn: not (party == "cem" and turn == 0 and at in away)
    )
    assert [t.contributed for t in model.turns] == [("ada", "ben"), terms.parties]


@pytest.mark.parametrize("stage", list(Stage)[:-1])
def test_fewer_than_the_threshold_open_nothing(stage):
    played = federation(terms_of(4))
    with pytest.raises(TooFewPartners):
        played.play(present=lambda party, at, turn: at is not stage or party in ("ada", "ben"))


@pytest.mark.parametrize("stage", list(Stage)[:-1])
def test_after_too_few_the_same_questions_go_on(stage):
    terms = terms_of(3)
    played = federation(terms)
    played.until(stage)
    with pytest.raises(TooFewPartners):
        played.step(present=lambda party, at, turn: party == "ada")
    model = played.play()
    assert model.weights == expected(terms, *contributed(model))
    assert [m.learnt for m in played.members.values()] == [[0, 1]] * 3


@settings(max_examples=30)
@given(st.data())
def test_whoever_drops_out_where_the_sum_is_of_those_whose_updates_came(data):
    terms = terms_of(data.draw(st.integers(3, 5)), rounds=1, one_hot=(2,))
    gone = {
        (party, stage): data.draw(st.integers(0, 4)) == 0
        for party in terms.parties
        for stage in Stage
    }
    played = federation(terms)
    try:
        model = played.play(present=lambda party, stage, turn: not gone[party, stage])
    except TooFewPartners:
        return
    (turn,) = model.turns
    assert len(turn.contributed) >= terms.threshold
    assert model.weights == expected(terms, turn.contributed)


def test_an_aggregator_that_was_stopped_goes_on_from_its_state():
    terms = terms_of()
    played = federation(terms)
    lost = played.until(Stage.OPENING)
    played.step()
    after = played.state
    played.state = encode(lost)  # as if the step had never been stored
    played.step()
    assert played.state == after
    model = played.play()
    assert model.weights == expected(terms, *contributed(model))


# What the aggregator sees


def masked_of(played: Federation, party: str) -> np.ndarray:
    answers = next(a for stage, turn, a in played.seen if stage is Stage.UPDATE)
    values = decode(Masked, decode(Signed, answers[party]).body).values
    return np.frombuffer(values, "<u8")


def test_a_masked_update_looks_uniform():
    terms = terms_of(3, rounds=1, one_hot=(4000,))
    played = federation(terms)
    played.until(Stage.CONFIRMATION)
    for party in terms.parties:
        counts = np.bincount(masked_of(played, party).view(np.uint8), minlength=256)
        mean = counts.sum() / 256
        # Chi-square with 255 degrees of freedom is above 400 with probability 1e-8; seeded.
        assert ((counts - mean) ** 2 / mean).sum() < 400


def test_the_same_update_in_another_run_is_masked_otherwise_in_every_column():
    terms = terms_of(3, one_hot=(400,))
    one, other = federation(terms, "one"), federation(terms, "other")
    one.until(Stage.CONFIRMATION)
    other.until(Stage.CONFIRMATION)
    assert (masked_of(one, "ada") != masked_of(other, "ada")).all()


def test_a_late_update_of_one_that_was_taken_for_dropped_stays_hidden():
    """All that is opened of it is its key in pairs: its own mask is still on it."""
    terms = terms_of(3, rounds=1)
    played = federation(terms)
    late: dict[str, bytes] = {}

    def alter(party, stage, turn, answer):
        if party == "ben" and stage is Stage.UPDATE:
            late[party] = answer
            return b""  # too late
        return answer

    played.play(alter=alter)
    values = np.frombuffer(decode(Masked, decode(Signed, late["ben"]).body).values, "<u8")
    ctx, secrets = played.run.context(), played.members["ben"].partner().secrets[0]
    pairs = np.zeros(terms.entries(0), np.uint64)
    for number, other in ((0, "ada"), (2, "cem")):
        theirs = masks.public_of(played.members[other].partner().secrets[0].pair)
        pairs += masks.pair_mask(ctx, 0, (1, secrets.pair), (number, theirs), terms.entries(0))
    update = fixed_point.to_modular(updates_of(terms, 0)["ben"])
    own = masks.self_mask(ctx, 0, 1, secrets.own, terms.entries(0))
    assert (values - pairs == update + own).all()
    assert (values - pairs != update).all()
    _, _, opened = next(s for s in played.seen if s[0] is Stage.OPENING)
    told = b"".join(opened.values())
    assert secrets.own not in told
    for answer in opened.values():
        shares = decode(Opened, decode(Signed, answer).body).shares
        assert len(shares) == 3


def test_no_answer_holds_a_secret_of_its_partner():
    played = federation(terms_of())
    played.play()
    said = b"".join(answer for _, _, answers in played.seen for answer in answers.values())
    for member in played.members.values():
        state = member.partner()
        for secret in (state.channel, *(s.pair for s in state.secrets)):
            assert secret not in said
        assert not any(s.own in said for s in state.secrets)


def test_states_do_not_show_their_secrets():
    state = federation(terms_of()).members["ada"].partner()
    shown = repr(state)
    assert "channel" not in shown
    assert "secrets" not in shown


# Answers that are none


@pytest.mark.parametrize("stage", list(Stage)[:-1])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\x00",
        b"junk" * 9,
        encode(Signed(b"", "ben", bytes(64))),
        encode(Signed(b"", "ada", b"")),
    ],
)
def test_junk_for_an_answer_counts_as_none(stage, junk):
    terms = terms_of(3)
    model = federation(terms).play(
        alter=lambda party, at, turn, answer: junk if (party, at) == ("ben", stage) else answer
    )
    assert model.weights == expected(terms, *contributed(model))
    assert {a.party for a in model.absences} == {"ben"}
    assert NO_ANSWER not in {a.code for a in model.absences if a.stage is stage}


@pytest.mark.parametrize("stage", list(Stage)[:-1])
def test_another_partners_answer_counts_as_none(stage):
    played = federation(terms_of(3))
    heard: dict[str, bytes] = {}

    def alter(party, at, turn, answer):
        heard[party] = answer
        return heard["ada"] if (party, at) == ("ben", stage) else answer

    model = played.play(alter=alter)
    assert {(a.party, a.code) for a in model.absences if a.stage is stage} == {
        ("ben", "context-mismatch")
    }


def test_an_answer_of_another_run_counts_as_none():
    other = federation(terms_of(3, job="aa" * 16))
    other.until(Stage.SHARES)
    stray = other.seen[0][2]["ben"]
    model = federation(terms_of(3)).play(
        alter=lambda party, at, turn, answer: (
            stray if (party, at) == ("ben", Stage.KEYS) else answer
        )
    )
    assert model.absences[0].code == "context-mismatch"


def test_an_update_of_an_earlier_round_counts_as_none():
    kept: dict[int, bytes] = {}

    def alter(party, at, turn, answer):
        if (party, at) == ("ben", Stage.UPDATE):
            kept[turn] = answer
            return kept[0]
        return answer

    model = federation(terms_of(3)).play(alter=alter)
    assert model.turns[1].contributed == ("ada", "cem")


def test_wrong_shares_of_one_are_noticed_and_others_are_used():
    terms = terms_of(4)
    played = federation(terms)

    def alter(party, at, turn, answer):
        if (party, at) != ("ada", Stage.OPENING):
            return answer
        told = decode(Opened, decode(Signed, answer).body)
        wrong = dataclasses.replace(told, shares=tuple(bytes(65) + b"\x07" for _ in told.shares))
        return encode(signed.sign(played.members["ada"].keys, wrong))

    model = played.play(alter=alter)
    assert model.weights == expected(terms, *contributed(model))


def test_a_partner_that_deals_unreadable_shares_and_stays_spoils_nothing_it_can_be_left_out_of():
    """Its own mask cannot be opened: the round fails, and says so instead of a wrong sum."""
    played = federation(terms_of(3))

    def alter(party, at, turn, answer):
        if (party, at) != ("ben", Stage.SHARES):
            return answer
        dealt = decode(aggregator.Shares, decode(Signed, answer).body)
        wrong = dataclasses.replace(dealt, sealed=tuple(b"x" * 200 for _ in dealt.sealed))
        return encode(signed.sign(played.members["ben"].keys, wrong))

    with pytest.raises(TooFewPartners):
        played.play(alter=alter)


def test_keys_of_the_wrong_length_count_as_none():
    played = federation(terms_of(3))

    def alter(party, at, turn, answer):
        if (party, at) != ("ben", Stage.KEYS):
            return answer
        told = dataclasses.replace(decode(Keys, decode(Signed, answer).body), channel=b"short")
        return encode(signed.sign(played.members["ben"].keys, told))

    model = played.play(alter=alter)
    assert {(a.party, a.code) for a in model.absences} == {("ben", "malformed-message")}


LOW_ORDER = bytes(32), bytes([1, *[0] * 31])
"""Points of X25519 with which every secret comes to nothing."""


@pytest.mark.parametrize("low", LOW_ORDER)
@pytest.mark.parametrize("which", ["channel", "pair"])
def test_one_whose_key_would_keep_all_others_from_going_on_is_left_out(which, low):
    played = federation(terms_of(3))

    def alter(party, at, turn, answer):
        if (party, at) != ("ben", Stage.KEYS):
            return answer
        told = decode(Keys, decode(Signed, answer).body)
        if which == "channel":
            told = dataclasses.replace(told, channel=low)
        else:
            turns = (told.turns[0], dataclasses.replace(told.turns[1], pair=low))
            told = dataclasses.replace(told, turns=turns)
        return encode(signed.sign(played.members["ben"].keys, told))

    model = played.play(alter=alter)
    assert contributed(model) == [("ada", "cem")] * 2
    assert {(a.party, a.code) for a in model.absences} == {("ben", "malformed-message")}


@pytest.mark.parametrize("at", [Stage.SHARES, Stage.CONFIRMATION, Stage.OPENING])
def test_one_whose_answer_would_burden_all_others_is_left_out(at):
    """Shares are passed on to everybody in each round, and confirmations too."""
    played = federation(terms_of(3))

    def alter(party, stage, turn, answer):
        if (party, stage) != ("ben", at):
            return answer
        said = decode((aggregator.Shares, Confirmed, Opened), decode(Signed, answer).body)
        match said:
            case Confirmed():
                said = dataclasses.replace(said, survivors=tuple(range(1000)))
            case Opened():
                said = dataclasses.replace(said, shares=tuple(bytes(2**20) for _ in said.shares))
            case _:
                said = dataclasses.replace(said, sealed=tuple(bytes(2**20) for _ in said.sealed))
        return encode(signed.sign(played.members["ben"].keys, said))

    model = played.play(alter=alter)
    assert ("ben", at, "malformed-message") in {(a.party, a.stage, a.code) for a in model.absences}
    assert len(encode(played.members["ada"].partner())) < 2**16


@settings(max_examples=30)
@given(st.binary(max_size=200), st.sampled_from(list(Stage)[:-1]))
def test_whatever_bytes_come_collecting_ends_in_a_state_or_a_refusal(junk, stage):
    played = federation(terms_of(3, rounds=1, one_hot=(2,)))
    now = played.until(stage)
    with pytest.raises(TooFewPartners):
        aggregator.collect(now, dict.fromkeys(now.run.terms.parties, junk))


# Terms


@pytest.mark.parametrize(
    "changes",
    [
        {"job": "x"},
        {"parties": ("ada",)},
        {"parties": ("ben", "ada", "cem")},
        {"parties": ("ada", "ada", "cem")},
        {"sizes": (1, 2)},
        {"sizes": (1, 2, 0)},
        {"threshold": 1},
        {"threshold": 4},
        {"rounds": 0},
        {"rounds": 9},
        {"one_hot": ()},
        {"one_hot": (0,)},
        {"one_hot": (2**12,)},
        {"ridge_milli": -1},
        {"rho_nano": -1},
        {"bound": 0},
        {"fraction_bits": 31},
        {"sizes": (1, 1, 2**30 + 1)},
    ],
)
def test_terms_outside_their_ranges_do_not_exist(changes):
    with pytest.raises(InvalidParameter):
        terms_of(3, **changes)


@pytest.mark.parametrize(
    ("parties", "threshold", "dropped", "colluding"),
    [(2, 2, 0, 1), (3, 2, 1, 0), (3, 3, 0, 2), (5, 4, 1, 2), (7, 4, 3, 0)],
)
def test_terms_say_what_their_threshold_means(parties, threshold, dropped, colluding):
    terms = terms_of(parties, threshold=threshold)
    assert (terms.most_dropped, terms.most_colluding) == (dropped, colluding)


def test_every_part_of_the_terms_changes_the_context():
    base = federation(terms_of(3)).run
    others = [
        {"job": "ab" * 16},
        {"sizes": (1, 2, 3)},
        {"threshold": 3},
        {"rounds": 1},
        {"one_hot": (2, 3)},
        {"ridge_milli": 11},
        {"rho_nano": 1},
        {"bound": 31},
        {"fraction_bits": 19},
    ]
    contexts = {federation(terms_of(3, **change)).run.context() for change in others}
    assert len(contexts | {base.context()}) == len(others) + 1


def test_the_outcome_is_a_record():
    model = federation(terms_of()).play()
    assert decode(Model, encode(model)) == model
