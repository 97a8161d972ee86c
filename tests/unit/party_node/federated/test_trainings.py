"""A node's federated trainings: sealed, answered once, charged before anything is learnt."""

import numpy as np
import pytest

from party_node.budgets import Budgets
from party_node.errors import SealBroken
from party_node.federated.errors import UnknownTraining
from party_node.federated.learner import Learner, what_of
from party_node.federated.trainings import Trainings
from protocols.codec import encode
from protocols.errors import (
    BudgetExceeded,
    ContextMismatch,
    InvalidParameter,
    MalformedMessage,
    UnexpectedMessage,
)
from protocols.federated import aggregator, fixed_point
from protocols.federated.aggregator import Model, Stage
from protocols.federated.learning import People
from tests.support.federation import keys_of, run_of, terms_of
from tests.support.node import open_storage
from tests.support.seeded import seeded

SHAPE = (3, 2)


def people(n: int = 300) -> People:
    rng = np.random.default_rng(5)
    codes = np.stack([rng.integers(0, k, n) for k in SHAPE], axis=1).astype(np.uint16)
    return People(codes, (codes[:, 0] == 1).astype(np.uint8))


class Site:
    """One partner with a real budget, sealed states and people."""

    def __init__(self, folder, name, limit_nano=10**9):
        storage = open_storage(folder, name)
        self.budgets, self.asked = Budgets(storage.db), []
        self.folder = folder / name / "federated"
        self.parts = (storage.vault, keys_of(name))
        self.learner = Learner(self.budgets, "spring", limit_nano, self.people, lambda: 5)
        self.name = name
        self.trainings = self.open()

    def open(self, seed="first"):
        vault, keys = self.parts
        rng = seeded(f"{self.name}/{seed}")
        return Trainings(self.folder, vault, keys, self.learner, rng)

    def people(self, terms):
        self.asked.append(terms.job)
        return people()


@pytest.fixture
def sites(tmp_path):
    return {name: Site(tmp_path, name) for name in ("ada", "ben")}


RUN = run_of(terms_of(2, rho_nano=500_000_000, sizes=(300, 300)))


def play(sites, until=None, reopen=False):
    """Play a run through the nodes; `reopen` opens their states anew at each step."""
    state = aggregator.begin(RUN)
    while not isinstance(state, Model):
        if until is not None and state.stage is until:
            return state
        answers = {}
        for party, question in aggregator.questions(state).items():
            trainings = sites[party].open("again") if reopen else sites[party].trainings
            answers[party] = trainings.answer(encode(question))
        state = aggregator.collect(state, answers)
    return state


def join(sites):
    for site in sites.values():
        site.trainings.join(RUN)


@pytest.mark.parametrize("reopen", [False, True])
def test_two_nodes_train_and_have_the_same_model(sites, reopen):
    join(sites)
    model = play(sites, reopen=reopen)
    assert {site.trainings.model(RUN.terms.job) for site in sites.values()} == {model.weights}
    weights = fixed_point.read_weights(RUN.terms, model.weights)
    assert weights[2] > weights[1]  # code 1 of the first feature has the label


def test_each_round_is_charged_once_towards_each_other_partner(sites):
    join(sites)
    play(sites)
    charges = [(c.to_party, c.what, c.rho_nano) for c in sites["ada"].budgets.history()]
    assert charges == [("ben", what_of(turn), RUN.terms.rho_nano) for turn in (0, 1)]


def test_people_are_asked_for_anew_in_each_round(sites):
    join(sites)
    play(sites)
    assert len(sites["ada"].asked) == 2


def test_a_budget_that_does_not_cover_a_round_lets_nothing_be_learnt(tmp_path):
    sites = {name: Site(tmp_path, name, 4_000_000) for name in ("ada", "ben")}
    join(sites)
    state = play(sites, until=Stage.UPDATE)
    question = encode(aggregator.questions(state)["ada"])
    with pytest.raises(BudgetExceeded):
        sites["ada"].trainings.answer(question)
    assert sites["ada"].asked == []
    assert sites["ada"].budgets.history() == []


def test_a_question_again_after_a_crash_gets_the_same_bytes_and_is_not_charged_again(sites):
    join(sites)
    state = play(sites, until=Stage.UPDATE)
    question = encode(aggregator.questions(state)["ada"])
    first = sites["ada"].trainings.answer(question)
    assert sites["ada"].open("after the crash").answer(question) == first
    assert len(sites["ada"].budgets.history()) == 1
    assert len(sites["ada"].asked) == 1


def test_a_training_that_was_never_joined_is_not_answered(sites):
    sites["ada"].trainings.join(RUN)
    question = encode(aggregator.questions(aggregator.begin(RUN))["ben"])
    with pytest.raises(UnknownTraining):
        sites["ben"].trainings.answer(question)
    with pytest.raises(UnknownTraining):
        sites["ben"].trainings.model(RUN.terms.job)


def test_joining_again_changes_nothing_and_other_terms_are_refused(sites):
    trainings = sites["ada"].trainings
    trainings.join(RUN)
    before = next(sites["ada"].folder.iterdir()).read_bytes()
    trainings.join(RUN)
    assert next(sites["ada"].folder.iterdir()).read_bytes() == before
    with pytest.raises(ContextMismatch):
        trainings.join(run_of(terms_of(2, rho_nano=1)))


def test_one_that_is_no_partner_cannot_join(sites):
    with pytest.raises(InvalidParameter):
        Site.open(sites["ada"]).join(run_of(terms_of(2, parties=("ben", "cem"))))


def test_a_training_that_was_left_is_never_joined_again(sites):
    """With fresh keys it would give a second update for the price of one."""
    join(sites)
    state = play(sites, until=Stage.UPDATE)
    trainings = sites["ada"].trainings
    trainings.answer(encode(aggregator.questions(state)["ada"]))
    trainings.leave(RUN.terms.job)
    trainings.leave(RUN.terms.job)
    with pytest.raises(ContextMismatch):
        trainings.join(RUN)
    with pytest.raises(UnknownTraining):
        trainings.answer(encode(aggregator.questions(state)["ada"]))


def test_leaving_what_was_never_joined_leaves_nothing(sites):
    sites["ada"].trainings.leave(RUN.terms.job)
    sites["ada"].trainings.join(RUN)


def test_states_are_sealed_and_a_moved_one_does_not_open(sites):
    join(sites)
    (path,) = sites["ada"].folder.iterdir()
    assert b"federated-partner" not in path.read_bytes()
    path.rename(path.with_name("ab" * 16 + ".training"))
    with pytest.raises(SealBroken):
        sites["ada"].trainings.model("ab" * 16)


def test_there_is_no_model_before_the_end(sites):
    join(sites)
    play(sites, until=Stage.TOLD)
    assert sites["ada"].trainings.model(RUN.terms.job) is None


@pytest.mark.parametrize("junk", [b"", b"junk", encode(RUN)])
def test_what_is_no_question_is_refused(sites, junk):
    join(sites)
    with pytest.raises(MalformedMessage):
        sites["ada"].trainings.answer(junk)


def test_a_second_update_is_refused_and_not_charged(sites):
    join(sites)
    play(sites)
    state = aggregator.questions(aggregator.begin(RUN))["ada"]
    with pytest.raises(UnexpectedMessage):
        sites["ada"].trainings.answer(encode(state))
    assert len(sites["ada"].budgets.history()) == 2
